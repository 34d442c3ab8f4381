//! Turns tokens into definitions. After a fault it goes on behind the next `;`, or at what
//! looks like the start of the next definition.

use alloc::{borrow::ToOwned, boxed::Box, collections::BTreeSet, format, string::String, vec::Vec};

use super::{
    Definition, Field, FieldType, Kind, Name, Position, Schema, Type, built_in,
    cursor::{Cursor, Mark, Number, Parsed},
    docs::{AllTypeDocs, DocLine, Reader},
    error::{Escaped, Faults, Quoted, len_of},
    lexer::{Comment, Pieces, Token, TokenKind, pieces},
};

/// How deep type arguments may nest: no schema in use has more than two.
const TYPE_DEPTH_MAX: u32 = 8;

/// How many `{X:Type}` a definition may have: no schema in use has more than one.
const TYPE_PARAMS_MAX: usize = 8;

/// What the parser makes of a text.
pub(super) struct Parse<'a> {
    pub schema: Schema,
    pub pieces: Pieces<'a>,
    /// One for each token: how it is written in the canonical form.
    pub marks: Vec<Mark>,
    /// One for each definition.
    pub ids: Vec<IdPlace>,
}

/// Where the id of a definition is declared, and with how many digits.
pub(super) type IdPlace = Option<(Position, u32)>;

/// Reads what can be read of `text`.
pub(super) fn parse<'a>(text: &'a str, faults: &mut Faults, warnings: &mut Faults) -> Parse<'a> {
    let pieces = pieces(text, faults);
    let mut parser = Parser {
        cursor: Cursor::new(&pieces.tokens, faults),
        comments: &pieces.comments,
        kind: Kind::Constructor,
        docs: Vec::new(),
        types: AllTypeDocs::default(),
        schema: Schema::default(),
        layer_at: None,
        ids: Vec::new(),
        warnings,
    };
    while parser.statement() {}
    let Parser { cursor, mut schema, types, ids, warnings, .. } = parser;
    let Cursor { marks, faults, .. } = cursor;
    if faults.is_empty() {
        let constructors = schema.definitions.iter().filter(|line| line.kind == Kind::Constructor);
        let names: BTreeSet<_> = constructors.map(|constructor| &constructor.result.name).collect();
        types.check(&names, warnings);
    }
    schema.type_docs = types.docs;
    Parse { schema, marks, ids, pieces }
}

pub(super) struct Parser<'a, 'p> {
    cursor: Cursor<'a, 'p>,
    /// Those that are not read yet.
    comments: &'p [Comment<'a>],
    kind: Kind,
    /// Those for the next definition.
    docs: Vec<DocLine<'a>>,
    types: AllTypeDocs,
    schema: Schema,
    layer_at: Option<Position>,
    ids: Vec<IdPlace>,
    warnings: &'p mut Faults,
}

impl<'a> Parser<'a, '_> {
    /// Reads a definition or something that is none; false at the end.
    fn statement(&mut self) -> bool {
        self.read_comments(self.cursor.at);
        let token = self.cursor.peek();
        match token.kind {
            TokenKind::End => {
                self.docs_of_nothing();
                return false;
            }
            TokenKind::Bad => self.cursor.next(),
            TokenKind::Section => {
                self.docs_of_nothing();
                self.cursor.next();
                match token.text {
                    "types" => self.kind = Kind::Constructor,
                    "functions" => self.kind = Kind::Function,
                    name => {
                        let found = Quoted(name);
                        let message = format!(
                            "expected `---functions---` or `---types---`, found the section {found}"
                        );
                        let _: Parsed<()> = self.cursor.fail(token, message);
                    }
                }
            }
            TokenKind::Sign if token.text == ";" => {
                self.cursor.mark(self.cursor.at, |mark| mark.is_dropped = true);
                self.cursor.next();
            }
            TokenKind::Word | TokenKind::Sign => {
                let start = self.cursor.at;
                let is_built_in = built_in::is_built_in(token.text) && !self.cursor.nth(1).is(".");
                let read = if is_built_in {
                    built_in::declaration(&mut self.cursor)
                } else {
                    self.definition()
                };
                if read.is_err() {
                    self.recover(start);
                }
                self.read_comments(self.cursor.at.saturating_sub(1));
                self.docs_of_nothing();
            }
        }
        true
    }

    /// Reads the comments up to those before a token.
    fn read_comments(&mut self, token: usize) {
        while let Some((comment, rest)) = self.comments.split_first()
            && comment.before <= token
        {
            self.comments = rest;
            self.docs.extend(DocLine::of(comment));
            let text = comment.text.trim_start_matches('/').trim_start();
            if let Some(number) = text.strip_prefix("LAYER ") {
                self.layer(comment, number.trim());
            }
        }
    }

    /// `// LAYER 7`; without a number behind it, the word is one as any other.
    fn layer(&mut self, comment: &Comment<'_>, number: &str) {
        let Comment { position, text, .. } = comment;
        let len = len_of(&text.trim_end());
        let word = number.split_whitespace().next().unwrap_or_default();
        if word.is_empty() || !word.chars().all(|digit| digit.is_ascii_digit()) {
            return;
        }
        // Clients send it as an `int`.
        let layer = number.parse().ok().filter(|layer: &i32| *layer > 0);
        let Some(layer) = layer.and_then(|layer| u32::try_from(layer).ok()) else {
            let found = Quoted(Escaped(number));
            let message = format!(
                "expected the number of the layer, 1 to {}, behind `LAYER`, found {found}",
                i32::MAX
            );
            return self.cursor.faults.push(*position, len, message);
        };
        match (self.schema.layer, self.layer_at) {
            (Some(first), Some(at)) if first != layer => {
                let message = format!("layer {layer}, but it is {first} at {at}");
                self.cursor.faults.push(*position, len, message);
            }
            _ => self.layer_at = Some(*position),
        }
        self.schema.layer = Some(layer);
    }

    fn docs_of_nothing(&mut self) {
        let docs = core::mem::take(&mut self.docs);
        Reader { types: &mut self.types, warnings: &mut *self.warnings }.no_definition(&docs);
    }

    /// `name#id {X:Type} field:type = Type;`
    fn definition(&mut self) -> Parsed<()> {
        let position = self.cursor.peek().position;
        let name = self.name("the name of a definition")?;
        let (mut declared_id, mut id_at) = (None, None);
        if self.cursor.peek().is("#") && !self.cursor.nth(1).is("[") {
            self.cursor.next();
            let digits = self.cursor.peek();
            declared_id = Some(self.cursor.id()?);
            id_at = Some((digits.position, digits.len));
        }
        let type_params = self.type_params()?;
        let mut fields = Vec::new();
        loop {
            self.cursor.mark_space();
            if self.cursor.accept("=") {
                break;
            }
            fields.push(self.field()?);
        }
        self.cursor.mark_space();
        let result = self.result()?;
        self.cursor.expect(";")?;
        self.read_comments(self.cursor.at.saturating_sub(1));
        let docs = core::mem::take(&mut self.docs);
        let mut definition = Definition {
            kind: self.kind,
            position,
            docs: Vec::new(),
            is_redacted: false,
            name,
            declared_id,
            type_params,
            fields,
            result,
        };
        let mut reader = Reader { types: &mut self.types, warnings: &mut *self.warnings };
        reader.definition(&docs, &mut definition);
        self.schema.definitions.push(definition);
        self.ids.push(id_at);
        Ok(())
    }

    /// `{X:Type} {Y:Type}`
    fn type_params(&mut self) -> Parsed<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        while self.cursor.peek().is("{") {
            self.cursor.mark_space();
            let open = self.cursor.peek();
            self.cursor.next();
            if names.len() >= TYPE_PARAMS_MAX {
                return self
                    .cursor
                    .fail(open, format!("more than {TYPE_PARAMS_MAX} type parameters"));
            }
            let token = self.cursor.peek();
            let name = self.cursor.word("the name of a type parameter")?.to_owned();
            if name.starts_with(|first: char| first.is_ascii_lowercase()) {
                let name = Quoted(&name);
                let message = format!("type parameter {name} does not start with a capital");
                self.cursor.faults.push(token.position, token.len, message);
            }
            if names.contains(&name) {
                let message = format!("a second type parameter {}", Quoted(&name));
                self.cursor.faults.push(token.position, token.len, message);
            }
            names.push(name);
            self.cursor.expect(":")?;
            let ty = self.cursor.peek();
            if !(ty.is_name() && ty.text == "Type") {
                return self.cursor.unexpected("`Type`, which a type parameter always is of");
            }
            self.cursor.next();
            self.cursor.expect("}")?;
        }
        Ok(names)
    }

    /// `name:#`, `name:type`, or `name:word.bit?type`
    fn field(&mut self) -> Parsed<Field> {
        let token = self.cursor.peek();
        if token.is("[")
            || token.is("*")
            || self.cursor.nth(1).is("*")
            || token.is("#") && self.cursor.nth(1).is("[")
        {
            let message =
                "a repetition is only for the declaration of a built-in type: use `vector<T>`";
            return self.cursor.fail(token, message.to_owned());
        }
        if token.is("?") {
            let message = "expected a field or `=`, found `?`, which is only for the declaration of a \
                           built-in type";
            return self.cursor.fail(token, message.to_owned());
        }
        let name = self.cursor.word("a field or `=`")?.to_owned();
        if !self.cursor.accept(":") {
            return self.cursor.unexpected(&format!("`:` and a type behind {}", Quoted(name)));
        }
        let ty = if self.cursor.accept("#") { FieldType::Word } else { self.field_type()? };
        Ok(Field { position: token.position, docs: Vec::new(), name, ty })
    }

    fn field_type(&mut self) -> Parsed<FieldType> {
        let [word, dot, number, mark] = [0, 1, 2, 3].map(|index| self.cursor.nth(index));
        if word.is_name() && dot.is("?") {
            self.cursor.next();
            return self.cursor.unexpected(&format!("`.` and a bit behind {}", Quoted(word.text)));
        }
        let is_number = number.kind == TokenKind::Word && !number.is_name();
        if !(word.is_name() && dot.is(".") && (mark.is("?") || is_number)) {
            return self.ty(0).map(FieldType::Plain);
        }
        self.cursor.next();
        self.cursor.next();
        let bit = number.text.parse().ok().filter(|bit| *bit < u32::BITS);
        let Some(bit) = bit.filter(|_| number.kind == TokenKind::Word) else {
            return self.cursor.unexpected("a bit, which is 0 to 31");
        };
        self.cursor.mark(self.cursor.at, |mark| mark.number = Some(Number::Bit));
        self.cursor.next();
        if !self.cursor.accept("?") {
            let condition = format!("{}.{bit}", word.text);
            return self.cursor.unexpected(&format!("`?` and a type behind {}", Quoted(condition)));
        }
        Ok(FieldType::Conditional { word: word.text.to_owned(), bit, ty: self.ty(0)? })
    }

    /// `T`, `T<A>`, or `Vector t`
    fn result(&mut self) -> Parsed<Type> {
        let ty = self.ty(0)?;
        // Any other name behind the type is that of the next definition, and a `;` is missing.
        let is_vector = ty.name.is("Vector") || ty.name.is("vector");
        if is_vector && ty.argument.is_none() { self.argument(ty, 0) } else { Ok(ty) }
    }

    /// `!T`, `%T`, `T`, `T<A>`, or one of them in parentheses
    fn ty(&mut self, depth: u32) -> Parsed<Type> {
        let first = self.cursor.peek();
        if depth > TYPE_DEPTH_MAX {
            return self.cursor.fail(first, format!("types nest deeper than {TYPE_DEPTH_MAX}"));
        }
        let call = self.cursor.accept("!");
        let bare = self.cursor.accept("%");
        let mut parentheses: usize = 0;
        while self.cursor.peek().is("(") {
            self.cursor.mark(self.cursor.at, |mark| mark.is_dropped = true);
            self.cursor.next();
            parentheses = parentheses.saturating_add(1);
        }
        if parentheses == 0 {
            return self.named(first.position, call, bare, depth);
        }
        if (call || bare) && (self.cursor.peek().is("!") || self.cursor.peek().is("%")) {
            return self.cursor.unexpected("a type without a sign, as the parenthesis has one");
        }
        let mut ty = self.ty(depth)?;
        if ty.argument.is_none() {
            ty = self.argument(ty, depth)?;
        }
        for _ in 0..parentheses {
            self.cursor.mark(self.cursor.at, |mark| mark.is_dropped = true);
            self.cursor.expect(")")?;
        }
        if call || bare {
            ty.position = first.position;
        }
        Ok(Type { call: ty.call || call, bare: ty.bare || bare, ..ty })
    }

    /// `T`, or `T<A>`
    fn named(&mut self, position: Position, call: bool, bare: bool, depth: u32) -> Parsed<Type> {
        let name = self.name("a type")?;
        let mut argument = None;
        if self.cursor.accept("<") {
            argument = Some(Box::new(self.ty(depth.saturating_add(1))?));
            if self.cursor.peek().is(",") {
                let token = self.cursor.peek();
                return self
                    .cursor
                    .fail(token, "expected `>`, found `,`: a type has one argument".to_owned());
            }
            self.cursor.expect(">")?;
        }
        Ok(Type { position, call, bare, name, argument })
    }

    /// The argument of `ty` that follows without `<`, if there is one.
    fn argument(&mut self, ty: Type, depth: u32) -> Parsed<Type> {
        let next = self.cursor.peek();
        if !(next.kind == TokenKind::Word || ["(", "!", "%"].iter().any(|sign| next.is(sign))) {
            return Ok(ty);
        }
        self.cursor.mark(self.cursor.at.saturating_sub(1), |mark| mark.opens = true);
        let argument = self.ty(depth.saturating_add(1))?;
        self.cursor.mark(self.cursor.at.saturating_sub(1), |mark| {
            mark.closes = mark.closes.saturating_add(1)
        });
        Ok(Type { argument: Some(Box::new(argument)), ..ty })
    }

    /// `namespace.ident`, or `ident`; the namespace may have dots, too.
    fn name(&mut self, wanted: &str) -> Parsed<Name> {
        let mut namespace: Option<String> = None;
        let mut ident = self.cursor.word(wanted)?;
        while self.cursor.accept(".") {
            match &mut namespace {
                Some(before) => {
                    before.push('.');
                    before.push_str(ident);
                }
                None => namespace = Some(ident.to_owned()),
            }
            ident = self.cursor.word("a name behind the dot")?;
        }
        Ok(Name { namespace, ident: ident.to_owned() })
    }

    /// From a fault in the definition that starts at the token `start` to the next one.
    fn recover(&mut self, start: usize) {
        let first = self.cursor.tokens.get(start).map(|token| token.position).unwrap_or_default();
        // The fault may be that the definition has no end, noticed in the line of the next one.
        let line = self.cursor.peek().position.line;
        if line > first.line {
            let is_of_line = |token: &&Token<'_>| token.position.line == line;
            let before = self.cursor.tokens.get(start..self.cursor.at).unwrap_or_default();
            let count = before.iter().rev().take_while(is_of_line).count();
            let line_start = self.cursor.at.saturating_sub(count);
            if self.starts_definition(line_start, first.column) {
                self.cursor.at = line_start;
                return;
            }
        }
        let mut line = first.line;
        loop {
            let token = self.cursor.peek();
            let is_new_line = token.position.line > line;
            line = token.position.line;
            match token.kind {
                TokenKind::End | TokenKind::Section => return,
                _ if token.is(";") => return self.cursor.next(),
                _ if is_new_line && self.starts_definition(self.cursor.at, first.column) => return,
                _ => self.cursor.next(),
            }
        }
    }

    /// Whether a token at the start of a line looks like the start of a definition, which is
    /// not indented more than the one before it.
    fn starts_definition(&self, at: usize, column_max: u32) -> bool {
        let rest = self.cursor.tokens.get(at..).unwrap_or_default();
        let Some((first, _)) = rest.split_first() else { return false };
        if first.position.column > column_max {
            return false;
        }
        // Only in this line, so that each token is looked at once for each line.
        let line = rest.iter().take_while(|token| token.position.line == first.position.line);
        let mut line = line.copied();
        let mut is_built_in = built_in::is_built_in(first.text);
        loop {
            if !line.next().is_some_and(|token| token.is_name()) {
                return false;
            }
            let Some(next) = line.next() else { return false };
            if !next.is(".") {
                let behind = line.next();
                if is_built_in && (next.is("=") || next.is_name()) {
                    // More likely a type or a field of the definition that has the fault.
                    return behind.is_some_and(|of| of.text.eq_ignore_ascii_case(first.text));
                }
                return ["#", "{", "=", "?"].iter().any(|sign| next.is(sign))
                    || next.is_name() && behind.is_some_and(|token| token.is(":"));
            }
            is_built_in = false;
        }
    }
}
