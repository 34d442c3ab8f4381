//! Factorizing pq.

use super::super::sample::Time;
use super::super::{Absent, Lab, Levels, Measured, Measurement, Row, Target, Unit};
use crate::factor::{factorizations, hostile};

pub const ROWS: &[Row] = &[
    Row {
        name: "pq of two 31-bit primes, mean",
        beside: "grammers",
        unit: Unit::Ratio,
        target: Target::AtLeast(25.0),
        levels: Levels::All,
        measure: mean_beside_grammers,
    },
    Row {
        name: "pq of two 31-bit primes, p99",
        beside: "",
        unit: Unit::Micros,
        target: Target::AtMost(200.0),
        levels: Levels::All,
        measure: p99,
    },
    Row {
        name: "pq of a hostile server, slowest",
        beside: "",
        unit: Unit::Micros,
        target: Target::AtMost(5000.0),
        levels: Levels::All,
        measure: slowest_hostile,
    },
];

fn mean_beside_grammers(lab: &Lab) -> Measured {
    let both = factorizations(lab.effort.inputs);
    let [ours, theirs] = [both.odnix, both.grammers].map(|times| times.mean_us());
    let time = |of, us| Time { of, ns: us * 1000.0 };
    let times = vec![time("odnix", ours), time("grammers", theirs)];
    Ok(Measurement { value: theirs / ours, times })
}

fn p99(lab: &Lab) -> Measured {
    of_micros(factorizations(lab.effort.inputs).odnix.percentile_us(99))
}

fn slowest_hostile(_: &Lab) -> Measured {
    let slowest = hostile().into_iter().map(|(_, time)| time).max();
    of_micros(slowest.ok_or(Absent("no inputs"))?.as_secs_f64() * 1e6)
}

fn of_micros(us: f64) -> Measured {
    Ok(Measurement { value: us, times: vec![Time { of: "odnix", ns: us * 1000.0 }] })
}
