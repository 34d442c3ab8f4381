//! `gen`: what a schema becomes.

use super::{
    Files, Gen, Into, JsonSchema, Markdown, Rust, format, input,
    output::{Outcome, Verdict, stdout},
};
use odnix_tl::schema::{
    JsonSchemaOptions, MarkdownOptions, Options, Schema, generate, json_schema, markdown,
};
use std::io::Write as _;

impl Gen {
    pub(super) fn run(self) -> Outcome {
        match self.into {
            Into::Rust(command) => command.run(),
            Into::JsonSchema(command) => command.run(),
            Into::Markdown(command) => command.run(),
        }
    }
}

impl Rust {
    fn run(self) -> Outcome {
        let Self { files, crate_path, features, any } = self;
        let title = format!("From `{}`.", files.name());
        let options = Options { crate_path: &crate_path, title: &title, features, any };
        files.write(|schema| generate(schema, &options))
    }
}

impl JsonSchema {
    fn run(self) -> Outcome {
        let title = self.title.unwrap_or_else(|| self.files.name());
        let options = JsonSchemaOptions { id: self.id.as_deref(), title: &title };
        self.files.write(|schema| json_schema(schema, &options))
    }
}

impl Markdown {
    fn run(self) -> Outcome {
        let title = self.title.unwrap_or_else(|| self.files.name());
        let options = MarkdownOptions { title: &title, intro: "", samples: &[] };
        self.files.write(|schema| markdown(schema, &options))
    }
}

impl Files {
    /// The name of the schema's file, without folders.
    fn name(&self) -> String {
        let name = self.schema.file_name().filter(|_| !input::is_stdin(&self.schema));
        name.map_or_else(|| "stdin".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    fn write(&self, make: impl Fn(&Schema) -> String) -> Outcome {
        let text = make(&input::parse(&input::text(&self.schema)?)?);
        match &self.output {
            Some(path) if !input::is_stdin(path) => format::replace(path, text.as_bytes())?,
            _ => {
                let mut out = stdout();
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
        }
        Ok(Verdict::Fine)
    }
}
