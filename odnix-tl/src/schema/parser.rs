//! Turns tokens into definitions. After a fault it goes on behind the next `;`.

use alloc::{borrow::ToOwned, boxed::Box, format, string::String, vec::Vec};

use super::{
    Definition, Field, FieldType, Kind, Name, Position, Schema, SchemaError, Type,
    lexer::{Token, tokens},
};

/// How deep type arguments may nest.
const TYPE_DEPTH_MAX: u32 = 8;

/// Names whose declarations are skipped: their types are built in.
const BUILT_IN: [&str; 8] =
    ["int", "long", "double", "string", "bytes", "int128", "int256", "vector"];

/// Reads what can be read of `text`.
pub(super) fn parse(text: &str) -> (Schema, Vec<SchemaError>) {
    let mut errors = Vec::new();
    let tokens = tokens(text, &mut errors);
    let mut parser =
        Parser { tokens: tokens.into_iter(), kind: Kind::Constructor, docs: Vec::new() };
    let mut schema = Schema::default();
    loop {
        match parser.statement(&mut schema) {
            Ok(true) => {}
            Ok(false) => return (schema, errors),
            Err(error) => {
                errors.push(error);
                parser.recover();
            }
        }
    }
}

struct Parser<'a> {
    tokens: alloc::vec::IntoIter<(Position, Token<'a>)>,
    kind: Kind,
    docs: Vec<&'a str>,
}

type Parsed<T> = Result<T, SchemaError>;

impl<'a> Parser<'a> {
    /// Reads a definition or a line that is none; false at the end.
    fn statement(&mut self, schema: &mut Schema) -> Parsed<bool> {
        let (position, token) = self.peek();
        match token {
            Token::End => return Ok(false),
            Token::Section(name) => {
                self.next();
                self.kind = match name {
                    "types" => Kind::Constructor,
                    "functions" => Kind::Function,
                    _ => return Err(error(position, format!("unknown section {name}"))),
                };
            }
            Token::Doc(doc) => {
                self.next();
                self.docs.push(doc);
            }
            Token::Layer(number) => {
                self.next();
                let bad = |_| error(position, format!("{number:?} is not the number of a layer"));
                schema.layer = Some(number.parse().map_err(bad)?);
            }
            Token::Sign(';') => {
                self.next();
            }
            Token::Word(name) if BUILT_IN.contains(&name) => {
                self.docs.clear();
                self.recover();
            }
            Token::Word(_) | Token::Sign(_) => {
                let definition = self.definition()?;
                schema.definitions.push(definition);
            }
        }
        Ok(true)
    }

    /// `name#id {X:Type} field:type = Type;`
    fn definition(&mut self) -> Parsed<Definition> {
        let docs = Docs::new(core::mem::take(&mut self.docs));
        let (position, _) = self.peek();
        let name = self.name("a name")?;
        let declared_id = if self.accept('#') { Some(self.id()?) } else { None };
        let mut type_params = Vec::new();
        while self.accept('{') {
            type_params.push(self.word("the name of a type parameter")?.to_owned());
            self.expect(':')?;
            let (position, _) = self.peek();
            if self.word("Type")? != "Type" {
                return Err(error(position, "a type parameter is of type Type".to_owned()));
            }
            self.expect('}')?;
        }
        let mut fields = Vec::new();
        while !self.accept('=') {
            fields.push(self.field(&docs)?);
        }
        let result = self.ty(0)?;
        self.expect(';')?;
        Ok(Definition {
            kind: self.kind,
            position,
            docs: docs.of("description"),
            is_redacted: !docs.of("redact").is_empty(),
            name,
            declared_id,
            type_params,
            fields,
            result,
        })
    }

    /// One to eight hexadecimal digits.
    fn id(&mut self) -> Parsed<u32> {
        let (position, _) = self.peek();
        let digits = self.word("a constructor id")?;
        let id = u32::from_str_radix(digits, 16);
        id.map_err(|_| error(position, format!("{digits} is not a constructor id")))
    }

    /// `name:#`, `name:type`, or `name:word.bit?type`
    fn field(&mut self, docs: &Docs<'_>) -> Parsed<Field> {
        let (position, _) = self.peek();
        let name = self.word("a field or =")?.to_owned();
        self.expect(':')?;
        let ty = if self.accept('#') { FieldType::Word } else { self.field_type()? };
        Ok(Field { position, docs: docs.of(&name), name, ty })
    }

    fn field_type(&mut self) -> Parsed<FieldType> {
        let ahead = self.tokens.as_slice();
        if let [(_, Token::Word(word)), (_, Token::Sign('.')), (at, Token::Word(bit)), rest @ ..] =
            ahead
            && let [(_, Token::Sign('?')), ..] = rest
        {
            let bit = bit.parse().ok().filter(|bit| *bit < u32::BITS);
            let bit = bit.ok_or_else(|| error(*at, "a bit is 0 to 31".to_owned()))?;
            let word = (*word).to_owned();
            self.tokens.nth(3);
            return Ok(FieldType::Conditional { word, bit, ty: self.ty(0)? });
        }
        self.ty(0).map(FieldType::Plain)
    }

    /// `!T`, `%T`, `T`, `T<A>`, or `Vector t`
    fn ty(&mut self, depth: u32) -> Parsed<Type> {
        let (position, _) = self.peek();
        if depth > TYPE_DEPTH_MAX {
            return Err(error(position, "type arguments nest too deeply".to_owned()));
        }
        let call = self.accept('!');
        let bare = self.accept('%');
        let name = self.name("a type")?;
        let mut argument = None;
        if self.accept('<') {
            argument = Some(Box::new(self.ty(depth.saturating_add(1))?));
            self.expect('>')?;
        }
        Ok(Type { position, call, bare, name, argument })
    }

    /// `namespace.ident`, or `ident`
    fn name(&mut self, wanted: &str) -> Parsed<Name> {
        let first = self.word(wanted)?.to_owned();
        if self.accept('.') {
            let ident = self.word("a name")?.to_owned();
            return Ok(Name { namespace: Some(first), ident });
        }
        Ok(Name { namespace: None, ident: first })
    }

    fn word(&mut self, wanted: &str) -> Parsed<&'a str> {
        match self.peek() {
            (position, Token::Word(word)) => {
                self.next();
                if word.starts_with(|first: char| first.is_ascii_digit())
                    && wanted != "a constructor id"
                {
                    return Err(error(position, format!("expected {wanted}, found {word}")));
                }
                Ok(word)
            }
            (position, token) => Err(unexpected(position, wanted, token)),
        }
    }

    fn expect(&mut self, sign: char) -> Parsed<()> {
        if self.accept(sign) {
            return Ok(());
        }
        let (position, token) = self.peek();
        Err(unexpected(position, &format!("{sign}"), token))
    }

    fn accept(&mut self, sign: char) -> bool {
        let accepted = self.peek().1 == Token::Sign(sign);
        if accepted {
            self.next();
        }
        accepted
    }

    /// Goes behind the next `;`, but not behind the next section.
    fn recover(&mut self) {
        loop {
            match self.peek().1 {
                Token::End | Token::Section(_) => return,
                Token::Sign(';') => {
                    self.next();
                    return;
                }
                _ => self.next(),
            }
        }
    }

    fn peek(&self) -> (Position, Token<'a>) {
        self.tokens.as_slice().first().copied().unwrap_or((Position::default(), Token::End))
    }

    /// Takes a token; the one at the end stays.
    fn next(&mut self) {
        if self.peek().1 != Token::End {
            self.tokens.next();
        }
    }
}

/// The `//@name text` lines before a definition.
struct Docs<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Docs<'a> {
    fn new(lines: Vec<&'a str>) -> Self {
        let mut docs = Vec::new();
        for line in lines {
            let (name, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            docs.push((name, text.trim()));
        }
        Self(docs)
    }

    fn of(&self, name: &str) -> Vec<String> {
        let lines = self.0.iter().filter(|(of, _)| *of == name);
        lines.map(|(_, text)| (*text).to_owned()).collect()
    }
}

fn unexpected(position: Position, wanted: &str, token: Token<'_>) -> SchemaError {
    let found = match token {
        Token::Word(word) => word.to_owned(),
        Token::Sign(sign) => format!("{sign}"),
        Token::Section(_) => "a section".to_owned(),
        Token::Doc(_) | Token::Layer(_) => "a comment".to_owned(),
        Token::End => "the end of the file".to_owned(),
    };
    error(position, format!("expected {wanted}, found {found}"))
}

fn error(position: Position, message: String) -> SchemaError {
    SchemaError { position, message }
}
