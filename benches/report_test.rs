//! The report measures every row, and shows each in all its forms. No figure is judged.

mod exchange;
#[path = "factor/measure.rs"]
#[allow(dead_code, reason = "its own bench uses all of it")]
mod factor;
mod peers;
#[allow(dead_code, reason = "the bench uses all of it")]
mod suite;

use odnix_kernels::{Kernels, Level};
use serde_json::json;
use std::collections::HashSet;
use suite::sample::{Effort, Time};
use suite::table::{self, Place};
use suite::{Absent, Lab, Levels, Line, Measurement, Row, Target, Unit, clock, picture};

fn lab(level: Level) -> Option<Lab> {
    let rows = [(1000, 1, 2), (100_000, 900, 5000)].map(|(sessions, session, connection)| {
        json!({ "sessions": sessions, "session_bytes": session, "connection_bytes": connection })
    });
    let scale = Some(json!({ "scale": rows }));
    Some(Lab { kernels: Kernels::at(level)?, effort: Effort::TINY, scale })
}

fn place() -> Place {
    Place::here(Level::Portable, clock::Clock::measure(&Effort::TINY))
}

#[test]
fn every_row_can_be_measured_at_every_level() {
    for level in Level::ALL {
        let Some(lab) = lab(level) else { continue };
        let lines = suite::run(&lab, "", |_| {});
        assert!(lines.len() > 15, "{} at {level}", lines.len());
        for row in suite::rows().filter(|row| matches!(row.levels, Levels::All)) {
            assert!(lines.iter().any(|line| std::ptr::eq(line.row, row)), "{}", row.name);
        }
        for line in &lines {
            match &line.measured {
                Ok(it) => assert!(it.value.is_finite() && it.value > 0.0, "{}", line.row.name),
                Err(Absent(why)) => assert!(!why.is_empty()),
            }
        }
        let measured = lines.iter().filter(|line| line.measured.is_ok()).count();
        assert!(measured > lines.len() / 2, "{measured} of {} at {level}", lines.len());
    }
}

static MET: Row = Row {
    name: "met & <done>",
    beside: "peer",
    unit: Unit::Ratio,
    target: Target::AtLeast(2.0),
    levels: Levels::All,
    measure: |_| Ok(Measurement { value: 4.0, times: vec![Time { of: "odnix", ns: 10.0 }] }),
};

static MISSED: Row = Row {
    name: "missed",
    beside: "",
    unit: Unit::Micros,
    target: Target::AtMost(2.0),
    levels: Levels::All,
    measure: |_| Ok(Measurement { value: 2.5, times: vec![] }),
};

static ABSENT: Row = Row {
    name: "absent",
    beside: "peer",
    unit: Unit::Ratio,
    target: Target::AtLeast(1.0),
    levels: Levels::From(Level::AesNi),
    measure: |_| Err(Absent("not here")),
};

fn lines() -> Vec<Line> {
    let lab = lab(Level::Portable).unwrap();
    [&MET, &MISSED, &ABSENT]
        .map(|row| Line { row, measured: (row.measure)(&lab), target: Some(row.target) })
        .into()
}

#[test]
fn a_row_says_what_was_measured_what_was_wanted_and_whether_that_is_met() {
    let text = table::text(&lines());
    let row = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("met"), "met & <done> / peer 10.0 ns 4.00 × ≥ 2 2.00 met");
    assert_eq!(row("missed"), "missed - 2.50 µs ≤ 2 0.80 missed");
    assert_eq!(row("absent"), "absent / peer - - ≥ 1 - not here");
}

#[test]
fn the_json_has_every_row_with_its_target() {
    let json = table::json(&place(), &lines());
    assert_eq!(json["level"], "portable");
    assert_eq!(json["rows"].as_array().unwrap().len(), 3);
    let [met, missed, absent] = [0, 1, 2].map(|number| &json["rows"][number]);
    assert_eq!((&met["measured"], &met["at_least"]), (&4.0.into(), &2.0.into()));
    assert_eq!((&met["met"], &met["ns"]["odnix"]), (&true.into(), &10.0.into()));
    assert_eq!((&missed["at_most"], &missed["met"]), (&2.0.into(), &false.into()));
    assert_eq!((&absent["absent"], &absent["met"]), (&"not here".into(), &().into()));
}

#[test]
fn a_target_holds_where_its_row_says() {
    let lines = suite::run(&lab(Level::Portable).unwrap(), "IGE encrypt 64", |_| {});
    assert!(!lines.is_empty());
    for line in lines {
        assert_eq!((line.target, line.is_met()), (None, None), "{}", line.row.name);
    }
}

#[test]
fn memory_is_what_was_counted_for_a_hundred_thousand_sessions() {
    let lines = suite::run(&lab(Level::Portable).unwrap(), "idle", |_| {});
    let told = lines.iter().map(|line| (line.measured.as_ref().unwrap().value, line.is_met()));
    assert_eq!(told.collect::<Vec<_>>(), [(900.0, Some(true)), (5000.0, Some(false))]);
    let nothing = Lab { scale: None, ..lab(Level::Portable).unwrap() };
    assert!(suite::run(&nothing, "idle", |_| {}).iter().all(|line| line.is_met().is_none()));
}

#[test]
fn rows_differ_in_their_names() {
    let mut seen = HashSet::new();
    for row in suite::rows() {
        assert!(seen.insert((row.name, row.beside)), "{} / {} twice", row.name, row.beside);
    }
}

/// The names of the elements of a document, if each is closed in its turn and no bare `&` or `<`
/// stands in its text.
fn elements(document: &str) -> Vec<String> {
    let (mut open, mut all) = (Vec::new(), Vec::new());
    for (number, piece) in document.split('<').enumerate().skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("tag {number} is open"));
        for entity in text.split('&').skip(1) {
            let name = entity.split(';').next();
            assert!(matches!(name, Some("amp" | "lt" | "gt")), "{text}");
        }
        let name = tag.trim_matches('/').split([' ', '/']).next().unwrap_or_default();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        all.push(name.to_owned());
        if !tag.ends_with('/') {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new(), "all closed");
    all
}

#[test]
fn the_picture_is_well_formed_and_has_every_row() {
    let svg = picture::svg(&place(), &lines());
    let elements = elements(&svg);
    assert_eq!(elements.first().map(String::as_str), Some("svg"));
    assert_eq!(elements.iter().filter(|&name| name == "rect").count(), 2, "two were measured");
    for shown in ["met &amp; &lt;done&gt; / peer", "2.50 µs (≤ 2)", "absent / peer", "not measured"]
    {
        assert!(svg.contains(shown), "{shown}");
    }
    assert!(!svg.contains("http://") || svg.matches("http").count() == 1, "only the namespace");
    assert!(svg.contains("prefers-color-scheme: dark"));
}

#[test]
#[should_panic]
fn the_check_of_pictures_sees_an_element_that_is_not_closed() {
    elements("<svg><text>a</svg>");
}
