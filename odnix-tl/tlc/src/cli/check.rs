//! `check`: all faults of schemas.

use super::{
    Check, Deny, input,
    output::{Outcome, Verdict, count, note, show_array},
};
use odnix_tl::schema::{Position, Schema, SchemaError, SchemaWarning, WarningKind};
use serde_json::{Value, json};

/// One fault of one file.
struct Report {
    position: Position,
    severity: &'static str,
    message: String,
    picture: String,
    is_denied: bool,
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        let sources = input::texts(&self.files)?;
        let (mut errors, mut warnings, mut is_denied) = (0, 0, false);
        let mut array = Vec::new();
        for source in &sources {
            for report in self.reports(source) {
                let count = if report.severity == "error" { &mut errors } else { &mut warnings };
                *count += 1;
                is_denied |= report.is_denied;
                if self.json {
                    array.push(object(&source.name, &report));
                } else {
                    note(&report.picture);
                }
            }
        }
        if self.json {
            show_array(&array)?;
        } else {
            let files = count(sources.len(), "schema");
            let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
            let denied = if is_denied { ", denied" } else { "" };
            note(&format_args!("{files}: {errors}, {warnings}{denied}"));
        }
        Ok(Verdict::faulty_if(errors > 0 || is_denied))
    }

    fn reports(&self, source: &input::Source) -> Vec<Report> {
        let name = &source.name;
        match Schema::parse_with_warnings(&source.text) {
            Err(errors) => {
                let report = |error: &SchemaError| Report {
                    position: error.position,
                    severity: "error",
                    picture: error.render(name).to_string(),
                    message: error.message.clone(),
                    is_denied: false,
                };
                errors.iter().map(report).collect()
            }
            Ok((_, warnings)) => {
                let report = |warning: &SchemaWarning| Report {
                    position: warning.position,
                    severity: "warning",
                    picture: warning.render(name).to_string(),
                    message: warning.message.clone(),
                    is_denied: match warning.kind {
                        WarningKind::IdMismatch => self.deny.contains(&Deny::Ids),
                        WarningKind::Documentation => self.deny.contains(&Deny::Docs),
                        // One that this program does not know yet: whoever denies all of them means it.
                        _ => self.deny.contains(&Deny::Ids) && self.deny.contains(&Deny::Docs),
                    },
                };
                warnings.iter().map(report).collect()
            }
        }
    }
}

fn object(file: &str, report: &Report) -> Value {
    json!({
        "file": file,
        "line": report.position.line,
        "column": report.position.column,
        "severity": report.severity,
        "message": report.message,
    })
}
