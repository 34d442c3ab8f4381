//! Makes up objects from a schema alone: their TL bytes and their JSON form, side by side,
//! without any of the generated code.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use odnix_tl::schema::{Definition, FieldType, Kind, Schema, Type};
use serde_json::{Map, Value, json};

/// How many constructors deep vectors still get items.
const VECTOR_DEPTH: u32 = 8;

pub struct Walk<'a> {
    schema: &'a Schema,
    entropy: &'a [u8],
    depth: u32,
    pub bytes: Vec<u8>,
}

impl<'a> Walk<'a> {
    /// All choices come from `entropy`; where it ends, the first and shortest one is taken.
    pub fn new(schema: &'a Schema, entropy: &'a [u8]) -> Self {
        Self { schema, entropy, depth: 0, bytes: Vec::new() }
    }

    pub fn boxed(&mut self, definition: &Definition) -> Value {
        self.bytes.extend(definition.id().to_le_bytes());
        self.bare(definition)
    }

    fn bare(&mut self, definition: &Definition) -> Value {
        self.depth += 1;
        let mut json = Map::new();
        let mut words = BTreeMap::new();
        json.insert("_".to_owned(), definition.name.to_string().into());
        for field in &definition.fields {
            match &field.ty {
                FieldType::Word => {
                    let word = self.word(definition, &field.name);
                    words.insert(field.name.as_str(), word);
                    self.bytes.extend(word.to_le_bytes());
                }
                FieldType::Plain(ty) => {
                    json.insert(field.name.clone(), self.value(definition, ty));
                }
                FieldType::Conditional { word, bit, ty } => {
                    let is_set = words[word.as_str()] >> bit & 1 == 1;
                    if ty.name.is("true") {
                        json.insert(field.name.clone(), is_set.into());
                    } else if is_set {
                        json.insert(field.name.clone(), self.value(definition, ty));
                    }
                }
            }
        }
        self.depth -= 1;
        json.into()
    }

    /// Any of the bits that mean something.
    fn word(&mut self, definition: &Definition, name: &str) -> u32 {
        let mut bits = 0;
        for field in &definition.fields {
            match &field.ty {
                FieldType::Conditional { word, bit, .. } if word == name => bits |= 1 << bit,
                _ => {}
            }
        }
        let chosen = bits & u32::from_le_bytes(self.take());
        if self.depth > VECTOR_DEPTH { 0 } else { chosen }
    }

    /// A value of type `ty`, as `definition` means it.
    pub fn value(&mut self, definition: &Definition, ty: &Type) -> Value {
        if ty.name.is("Object") || definition.type_params.iter().any(|param| ty.name.is(param)) {
            let raw = self.data();
            self.bytes.extend(&raw);
            return STANDARD.encode(raw).into();
        }
        if let Some(item) = &ty.argument {
            if ty.name.is("Vector") && !ty.bare {
                self.bytes.extend(0x1cb5_c415_u32.to_le_bytes());
            }
            let [len] = self.take();
            let len = if self.depth > VECTOR_DEPTH { 0 } else { u32::from(len % 4) };
            self.bytes.extend(len.to_le_bytes());
            return (0..len).map(|_| self.value(definition, item)).collect();
        }
        match ty.name.to_string().as_str() {
            "int" => i32::from_le_bytes(self.fixed()).into(),
            "long" => i64::from_le_bytes(self.fixed()).to_string().into(),
            "int128" => STANDARD.encode(self.fixed::<16>()).into(),
            "int256" => STANDARD.encode(self.fixed::<32>()).into(),
            "double" => {
                let any = f64::from_bits(u64::from_le_bytes(self.take()));
                // The others have no number in JSON.
                let value = if any.is_finite() { any } else { 1.5 };
                self.bytes.extend(value.to_le_bytes());
                value.into()
            }
            "Bool" => {
                let [value] = self.take();
                let id: u32 = if value % 2 == 1 { 0x9972_75b5 } else { 0xbc79_9737 };
                self.bytes.extend(id.to_le_bytes());
                json!(value % 2 == 1)
            }
            "bytes" => {
                let data = self.data();
                self.string(&data);
                STANDARD.encode(data).into()
            }
            "string" => {
                let text: String = self.data().into_iter().map(char::from).collect();
                self.string(text.as_bytes());
                text.into()
            }
            _ => self.constructor(ty),
        }
    }

    fn constructor(&mut self, ty: &Type) -> Value {
        let lines = self.schema.definitions.iter().filter(|line| line.kind == Kind::Constructor);
        if !ty.name.is_boxed() {
            let line = lines.clone().find(|line| line.name == ty.name);
            return self.bare(line.unwrap());
        }
        let all: Vec<_> = lines.filter(|line| line.result.name == ty.name).collect();
        if ty.bare {
            return self.bare(all[0]);
        }
        let [choice] = self.take();
        // Deep down only a constructor without fields ends a chain.
        let end = all.iter().find(|line| line.fields.is_empty());
        let chosen = all[usize::from(choice) % all.len()];
        self.boxed(end.filter(|_| self.depth > VECTOR_DEPTH || choice == 0).unwrap_or(&chosen))
    }

    /// A length around each bound of the string form, and so many bytes.
    fn data(&mut self) -> Vec<u8> {
        let [choice, first] = self.take();
        let len = match choice {
            0..=239 => usize::from(choice % 12),
            240.. => 240 + usize::from(choice - 240) * 2,
        };
        (0..len).map(|index| first.wrapping_add(index as u8)).collect()
    }

    fn string(&mut self, data: &[u8]) {
        let len = (data.len() as u32).to_le_bytes();
        if data.len() < 254 {
            self.bytes.push(len[0]);
        } else {
            self.bytes.extend([0xfe, len[0], len[1], len[2]]);
        }
        self.bytes.extend(data);
        // All elements so far are whole words, so padding the whole pads this one.
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn fixed<const N: usize>(&mut self) -> [u8; N] {
        let taken = self.take();
        self.bytes.extend(taken);
        taken
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let len = self.entropy.len().min(N);
        let (front, rest) = self.entropy.split_at(len);
        taken[..len].copy_from_slice(front);
        self.entropy = rest;
        taken
    }
}
