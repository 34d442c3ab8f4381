//! `decode` and `encode`: TL objects between bytes and JSON.

use super::{
    Decode, Encode, Values, hex,
    input::{self, Input, JSON_LEN_MAX, LEN_MAX},
    output::{Failure, Outcome, Verdict, note, stdout},
};
use odnix_tl::{
    Bytes, DecodeError,
    dynamic::{Expected, Layer, LayerError},
    json::Value,
    mtproto, odnix,
    schema::{Definition, Kind, Schema},
};
use std::{
    io::{self, Write as _},
    path::Path,
};

/// A schema prepared for values, and which ones.
struct Codec<'a> {
    schema: Schema,
    layer: Layer,
    which: Which<'a>,
    /// Whether the schemas are those of this program.
    is_embedded: bool,
}

/// What a value has to be.
#[derive(Clone, Copy)]
enum Which<'a> {
    Boxed(Expected<'a>),
    ResultOf(&'a str),
}

impl Values {
    fn codec(&self, or: Expected<'static>) -> Outcome<Codec<'_>> {
        let value = self.file.iter();
        input::stdin_once(self.schemas.iter().chain(value))?;
        let schema =
            if self.schemas.is_empty() { embedded()? } else { input::together(&self.schemas)? };
        let has = |is_it: &dyn Fn(&Definition) -> bool| schema.definitions.iter().any(is_it);
        let which = match (&self.named, &self.result_of) {
            (Some(name), _) => {
                if !has(&|line| is_named(line, name)) {
                    let message = format!("no type, constructor or function is called `{name}`");
                    return Err(Failure::Unusable(message));
                }
                Which::Boxed(Expected::Named(name))
            }
            (None, Some(name)) => {
                if !has(&|line| line.kind == Kind::Function && line.name.to_string() == *name) {
                    return Err(Failure::Unusable(format!("no function is called `{name}`")));
                }
                Which::ResultOf(name)
            }
            (None, None) => Which::Boxed(or),
        };
        let layer = Layer::new(&schema);
        Ok(Codec { schema, layer, which, is_embedded: self.schemas.is_empty() })
    }

    fn input(&self, value: &str) -> Outcome<Input> {
        if value == "-"
            && self.file.is_none()
            && self.schemas.iter().any(|path| input::is_stdin(path))
        {
            let message = "the schema is read from standard input; give the value another way";
            return Err(Failure::Unusable(message.to_owned()));
        }
        match &self.file {
            Some(path) => Input::open(path),
            None if value == "-" => Input::open(Path::new("-")),
            None => Ok(Input::argument(value)),
        }
    }
}

fn is_named(line: &Definition, name: &str) -> bool {
    line.name.to_string() == name
        || line.kind == Kind::Constructor && line.result.name.to_string() == name
}

/// The schemas that are in odnix-tl.
fn embedded() -> Outcome<Schema> {
    let unusable = |message: String| Failure::Unusable(format!("the built-in schemas: {message}"));
    let parse = |text: &str| {
        Schema::parse(text)
            .map_err(|errors| unusable(errors.iter().map(ToString::to_string).collect()))
    };
    let schemas = [parse(mtproto::SCHEMA.text())?, parse(odnix::SCHEMA.text())?];
    Schema::merge(&schemas)
        .map_err(|conflicts| unusable(conflicts.iter().map(ToString::to_string).collect()))
}

/// What is wrong with one input, and where.
struct Fault {
    message: String,
    /// The place, in more lines.
    window: Option<String>,
    /// The line and column of the input, from 1.
    place: Option<(usize, usize)>,
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self { message, window: None, place: None }
    }
}

impl Codec<'_> {
    fn decode(&self, bytes: Vec<u8>) -> Result<Value, Fault> {
        let bytes = Bytes::from(bytes);
        let value = match self.which {
            Which::Boxed(expected) => self.layer.decode_as(expected, bytes.clone()),
            Which::ResultOf(function) => self.layer.decode_result(function, bytes.clone()),
        };
        value.map_err(|error| self.fault(&bytes, &error))
    }

    fn fault(&self, bytes: &[u8], error: &LayerError) -> Fault {
        let is_unknown = matches!(error.error, DecodeError::UnknownConstructor { .. })
            && error.expected.is_none()
            && self.layer.identify(bytes).is_none();
        let hint = match (is_unknown, self.is_embedded) {
            (true, true) => "; give its schema with --schema",
            (true, false) => "; is one more --schema needed?",
            (false, _) => "",
        };
        let window = hex::window(bytes, error.error.position());
        Fault { message: format!("{error}{hint}"), window: Some(window), place: None }
    }

    fn encode(&self, json: &[u8]) -> Result<Bytes, Fault> {
        let value: Value = serde_json::from_slice(json).map_err(|error| {
            let text = error.to_string();
            let message =
                text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
            Fault {
                message: message.to_owned(),
                window: None,
                place: Some((error.line(), error.column())),
            }
        })?;
        let bytes = match self.which {
            Which::Boxed(expected) => self.layer.encode_as(expected, &value),
            Which::ResultOf(function) => self.layer.encode_result(function, &value),
        };
        bytes.map_err(|error| error.to_string().into())
    }

    /// Says so if `encode` would take a call for a constructor.
    fn note_of_name(&self, value: &Value, bytes: &[u8]) {
        let Value::Object(members) = value else { return };
        let Some((Kind::Function, name)) = self.layer.identify(bytes) else { return };
        let is_top = members.first().is_some_and(|(_, of)| *of == Value::String(name.to_owned()));
        let is_twin =
            |line: &Definition| line.kind == Kind::Constructor && line.name.to_string() == name;
        if is_top && self.schema.definitions.iter().any(is_twin) {
            note(&format_args!(
                "tlc: a constructor is called `{name}`, too; encode this with --function"
            ));
        }
    }
}

impl Decode {
    pub(super) fn run(self) -> Outcome {
        let codec = self.values.codec(Expected::Any)?;
        let input = self.values.input(&self.value)?;
        if self.values.lines {
            return lines(input, LEN_MAX, |line| {
                let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
                let bytes = hex::bytes(text)?;
                let value = codec.decode(bytes.clone())?;
                codec.note_of_name(&value, &bytes);
                serde_json::to_string(&value).map_err(|error| error.to_string().into())
            });
        }
        if self.raw && input.name == "argument" {
            let message =
                "--raw reads bytes from --file or from standard input, not from an argument";
            return Err(Failure::Unusable(message.to_owned()));
        }
        let name = input.name.clone();
        let faulty = |fault: Fault| Failure::Faulty(said(&name, &fault));
        let mut bytes = input.whole(LEN_MAX)?;
        if !self.raw {
            let text = String::from_utf8(bytes).map_err(|_| {
                let message = "not hexadecimal digits, and not even text; are these the bytes \
                               themselves? then give --raw";
                faulty(message.to_owned().into())
            })?;
            bytes = hex::bytes(&text).map_err(|message| faulty(message.into()))?;
        }
        let value = codec.decode(bytes.clone()).map_err(faulty)?;
        codec.note_of_name(&value, &bytes);
        let mut out = stdout();
        let written = if self.compact {
            serde_json::to_writer(&mut out, &value)
        } else {
            serde_json::to_writer_pretty(&mut out, &value)
        };
        written.map_err(io::Error::from)?;
        writeln!(out)?;
        out.flush()?;
        Ok(Verdict::Fine)
    }
}

impl Encode {
    pub(super) fn run(self) -> Outcome {
        let or = if self.function { Expected::Function } else { Expected::Any };
        let codec = self.values.codec(or)?;
        let input = self.values.input(&self.value)?;
        if self.values.lines {
            return lines(input, JSON_LEN_MAX, |line| {
                codec.encode(line).map(|bytes| hex::digits(&bytes))
            });
        }
        let name = input.name.clone();
        let json = input.whole(JSON_LEN_MAX)?;
        let bytes = codec.encode(&json).map_err(|fault| Failure::Faulty(said(&name, &fault)))?;
        let mut out = stdout();
        if self.raw {
            out.write_all(&bytes)?;
        } else {
            writeln!(out, "{}", hex::digits(&bytes))?;
        }
        out.flush()?;
        Ok(Verdict::Fine)
    }
}

/// The fault, with what it is in before it and its place below.
fn said(name: &str, fault: &Fault) -> String {
    let Fault { message, window, place } = fault;
    let place = place.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
    let window = window.iter().map(|window| format!("\n{window}")).collect::<String>();
    format!("{name}{place}: {message}{window}")
}

/// Converts each line that is not empty, also after a fault.
fn lines(
    mut input: Input,
    len_max: u64,
    convert: impl Fn(&[u8]) -> Result<String, Fault>,
) -> Outcome {
    let mut verdict = Verdict::Fine;
    let mut number = 0_u64;
    let mut out = io::stdout().lock();
    while let Some(line) = input.line(len_max)? {
        number += 1;
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match convert(line) {
            Ok(converted) => writeln!(out, "{converted}")?,
            Err(Fault { message, place, .. }) => {
                let column = place.map(|(_, column)| format!(":{column}")).unwrap_or_default();
                note(&format_args!("tlc: {}:{number}{column}: {message}", input.name));
                verdict = Verdict::Faulty;
            }
        }
    }
    Ok(verdict)
}
