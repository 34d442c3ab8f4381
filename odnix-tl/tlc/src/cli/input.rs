//! Files and standard input, up to a length, and the schemas in them.

use super::output::{Failure, Outcome, count, note};
use odnix_tl::schema::{MergeConflict, Schema, SchemaError};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::{Path, PathBuf},
};

/// How many bytes a schema, and the bytes of a value, may have.
pub(super) const LEN_MAX: u64 = 16 << 20;

/// How many bytes of JSON are read: the JSON form may be far longer than the bytes it is of.
pub(super) const JSON_LEN_MAX: u64 = 1 << 30;

/// A text and what to call it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

/// Whether it is standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What to call a file.
fn name_of(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() }
}

/// That standard input is asked for once at most: it can be read once only.
pub(super) fn stdin_once<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Outcome<()> {
    if paths.into_iter().filter(|path| is_stdin(path)).count() > 1 {
        let message = "standard input (`-`) is asked for twice, but can be read only once";
        return Err(Failure::Unusable(message.to_owned()));
    }
    Ok(())
}

/// Something to read, and what to call it.
pub(super) struct Input {
    pub(super) name: String,
    reader: Box<dyn BufRead>,
}

impl Input {
    /// A file, or standard input.
    pub(super) fn open(path: &Path) -> Outcome<Self> {
        let name = name_of(path);
        let reader: Box<dyn BufRead> = if is_stdin(path) {
            Box::new(io::stdin().lock())
        } else {
            let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
            Box::new(BufReader::new(file))
        };
        Ok(Self { name, reader })
    }

    /// An argument.
    pub(super) fn argument(text: &str) -> Self {
        let reader = Box::new(Cursor::new(text.as_bytes().to_vec()));
        Self { name: "argument".to_owned(), reader }
    }

    /// All of it.
    pub(super) fn whole(mut self, len_max: u64) -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(len_max + 1).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(&self.name, &error))?;
        self.bounded(bytes, len_max)
    }

    /// The next line, without its end.
    pub(super) fn line(&mut self, len_max: u64) -> Outcome<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(len_max + 1).read_until(b'\n', &mut bytes);
        if read.map_err(|error| unreadable(&self.name, &error))? == 0 {
            return Ok(None);
        }
        self.bounded(bytes, len_max).map(Some)
    }

    fn bounded(&self, bytes: Vec<u8>, len_max: u64) -> Outcome<Vec<u8>> {
        if u64::try_from(bytes.len()).is_ok_and(|len| len <= len_max) {
            return Ok(bytes);
        }
        let (name, mib) = (&self.name, len_max >> 20);
        Err(Failure::Unusable(format!("{name}: longer than {mib} MiB, which is the limit")))
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::Unusable(format!("cannot read {name}: {error}"))
}

/// The text of a schema.
pub(super) fn text(path: &Path) -> Outcome<Source> {
    let input = Input::open(path)?;
    let name = input.name.clone();
    let bytes = input.whole(LEN_MAX)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, text }),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let message = format!("{name}: not UTF-8 at byte {at}; a schema is a text in UTF-8");
            Err(Failure::Unusable(message))
        }
    }
}

/// The texts of schemas.
pub(super) fn texts(paths: &[PathBuf]) -> Outcome<Vec<Source>> {
    stdin_once(paths)?;
    paths.iter().map(|path| text(path)).collect()
}

/// Shows the faults of a schema.
pub(super) fn show_errors(name: &str, errors: &[SchemaError]) {
    for error in errors {
        note(&error.render(name));
    }
}

/// The schema of a text; its faults are shown.
pub(super) fn parse(source: &Source) -> Outcome<Schema> {
    Schema::parse(&source.text).map_err(|errors| {
        let name = &source.name;
        show_errors(name, &errors);
        let errors = count(errors.len(), "error");
        Failure::Unusable(format!("{name} cannot be used: {errors}"))
    })
}

/// One schema of all files.
pub(super) fn together(paths: &[PathBuf]) -> Outcome<Schema> {
    let sources = texts(paths)?;
    let schemas = sources.iter().map(parse).collect::<Outcome<Vec<_>>>()?;
    Schema::merge(&schemas).map_err(|conflicts| {
        let name = |schema: usize| sources.get(schema).map_or("", |source| &source.name);
        for conflict in &conflicts {
            let MergeConflict { schema, position, other_schema, other_position, message, .. } =
                conflict;
            let (here, there) = (name(*schema), name(*other_schema));
            note(&format_args!("{here}:{position}: {message}, at {there}:{other_position}"));
        }
        let conflicts = count(conflicts.len(), "conflict");
        Failure::Unusable(format!("the schemas cannot be used together: {conflicts}"))
    })
}
