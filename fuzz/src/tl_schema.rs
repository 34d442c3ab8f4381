//! Schemas: any text is a schema or has errors that point into it; the formatter loses nothing;
//! and whatever parses has a codec and can be generated from.

use crate::memory;
use odnix_tl::{
    dynamic::Layer,
    schema::{
        JsonSchemaOptions, MarkdownOptions, Options, Schema, SchemaError, diff, format, generate,
        json_schema, markdown,
    },
};

/// Tokens, definitions and the window of text in each error, for each byte of text.
const BYTES_PER_BYTE: usize = 512;

/// One input.
pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let parsed = memory::bounded(text.as_bytes(), 256 << 10, BYTES_PER_BYTE, || {
        Schema::parse_with_warnings(&text)
    });
    match format(&text) {
        Ok(formatted) => {
            assert_eq!(format(&formatted).as_deref(), Ok(formatted.as_str()), "{text:?}");
            let lines = |text: &str| Schema::parse(text).map(|schema| lines(&schema));
            assert_eq!(lines(&formatted).ok(), lines(&text).ok(), "{text:?}");
        }
        Err(errors) => {
            assert!(parsed.is_err(), "{text:?}");
            check(&errors, &text);
        }
    }
    match parsed {
        Ok((schema, _)) => everything(&schema),
        Err(errors) => check(&errors, &text),
    }
}

/// What each line says, without where it says it.
fn lines(schema: &Schema) -> Vec<String> {
    let lines = schema.definitions.iter();
    lines.map(|line| format!("{:?} {line} {:?}", line.kind, line.docs)).collect()
}

/// All that can be made of a schema.
fn everything(schema: &Schema) {
    let options = Options { crate_path: "odnix_tl", title: "", features: true, any: true };
    generate(schema, &options);
    markdown(schema, &MarkdownOptions { title: "", intro: "", samples: &[] });
    json_schema(schema, &JsonSchemaOptions { id: None, title: "" });
    assert!(diff(schema, schema).is_empty(), "a schema differs from itself");
    let layer = Layer::new(schema);
    for line in &schema.definitions {
        assert!(layer.identify(&line.id().to_le_bytes()).is_some(), "{line}");
    }
}

fn check(errors: &[SchemaError], text: &str) {
    assert!(!errors.is_empty(), "{text:?}");
    let line_count = u32::try_from(text.split('\n').count()).unwrap_or(u32::MAX);
    for error in errors {
        assert!((1..=line_count).contains(&error.position.line), "{error} in {text:?}");
        assert!(error.position.column >= 1, "{error} in {text:?}");
        assert!(error.render("file").to_string().contains('^'), "{error} in {text:?}");
    }
    assert!(errors.is_sorted_by_key(|error| error.position), "{text:?}");
}
