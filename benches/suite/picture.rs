//! The table as bars: how far each target was reached.
//!
//! The colours are readable on white and on black, and the font is whatever is there.

use super::Line;
use super::table::{Place, figure, target, title};
use std::fmt::Write as _;

const WIDTH: u32 = 900;
const LABELS: u32 = 400;
const FIGURES: u32 = 150;
const LINE: u32 = 26;
const TOP: u32 = 62;
/// Bars end here, in targets.
const MOST: f64 = 2.0;

const MET: &str = "#2e9e5b";
const MISSED: &str = "#d9822b";
const OTHER: &str = "#8a8f98";

pub fn svg(place: &Place, lines: &[Line]) -> String {
    let height = TOP + LINE * u32::try_from(lines.len()).unwrap_or(0) + 16;
    let bars = WIDTH - LABELS - FIGURES;
    let goal = LABELS + bars / 2;
    let mut out = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">
<title>Measured against the targets</title>
<style>text {{ font: 13px sans-serif; fill: #57606a }} .small {{ font-size: 11px }} @media (prefers-color-scheme: dark) {{ text {{ fill: #b1bac4 }} }}</style>
<text x="8" y="22">{}</text>
<text x="{goal}" y="46" text-anchor="middle" class="small">target</text>
"##,
        escape(&place.describe()),
    );
    for (line, top) in lines.iter().zip((TOP..).step_by(LINE as usize)) {
        bar(&mut out, line, top, bars);
    }
    let (from, to) = (TOP - 8, height - 12);
    let _ =
        writeln!(out, r#"<path d="M{goal} {from}V{to}" stroke="{OTHER}" stroke-dasharray="3 3"/>"#);
    out.push_str("</svg>\n");
    out
}

fn bar(out: &mut String, line: &Line, top: u32, bars: u32) {
    let text = top + 13;
    let label = escape(&title(line));
    let _ =
        writeln!(out, r#"<text x="{}" y="{text}" text-anchor="end">{label}</text>"#, LABELS - 8);
    let figures_at = LABELS + bars + 8;
    let Ok(measured) = &line.measured else {
        let _ =
            writeln!(out, r#"<text x="{figures_at}" y="{text}" class="small">not measured</text>"#);
        return;
    };
    let reached = line.target.map(|target| target.reached_by(measured.value));
    if let Some(reached) = reached {
        let width = reached.min(MOST) / MOST * f64::from(bars);
        let colour = if line.is_met() == Some(true) { MET } else { MISSED };
        let _ = writeln!(
            out,
            r#"<rect x="{LABELS}" y="{top}" width="{width:.1}" height="18" rx="2" fill="{colour}"/>"#
        );
    }
    let wanted = line.target.map(|wanted| format!(" ({})", target(wanted))).unwrap_or_default();
    let figures = format!("{} {}{wanted}", figure(measured.value), line.row.unit.name());
    let _ = writeln!(
        out,
        r#"<text x="{figures_at}" y="{text}" class="small">{}</text>"#,
        escape(&figures)
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
