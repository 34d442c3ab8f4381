//! What a schema that parses must also be: each name and id once, each type defined and used
//! in a way that has a wire form.

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};
use core::fmt::Display;

use crate::limits::FLAG_WORDS_MAX;

use super::{
    Definition, Field, FieldType, Kind, Name, Position, Schema, Type,
    error::{Faults, Quoted, len_of},
    names::{BUILT_IN_VALUES, field_name, full_name, module_name, struct_name, variant_name},
};

/// The only constructors of `Bool`, which is `bool` in Rust.
const BOOLS: [(&str, u32); 2] = [("boolFalse", 0xbc79_9737), ("boolTrue", 0x9972_75b5)];

/// The types that Rust has anyway: no code is written for their constructors.
const BUILT_IN_RESULTS: [&str; 3] = ["Bool", "Null", "True"];

/// Reports all faults of `schema`. Unless it `is_complete`, a type may be missing.
pub(super) fn check(schema: &Schema, is_complete: bool, faults: &mut Faults) {
    let (results, bare) = (BTreeMap::new(), BTreeMap::new());
    let mut checker = Checker { faults, results, bare, is_complete };
    for constructor in schema.definitions.iter().filter(|line| line.kind == Kind::Constructor) {
        checker.results.entry(&constructor.result.name).or_default().push(constructor);
        checker.bare.insert(&constructor.name, constructor);
    }
    checker.duplicates(schema);
    checker.modules(schema);
    checker.variants();
    for definition in &schema.definitions {
        checker.definition(definition);
    }
}

struct Checker<'a> {
    faults: &'a mut Faults,
    results: BTreeMap<&'a Name, Vec<&'a Definition>>,
    bare: BTreeMap<&'a Name, &'a Definition>,
    is_complete: bool,
}

impl<'a> Checker<'a> {
    fn fault_of(&mut self, definition: &Definition, message: String) {
        self.faults.push(definition.position, len_of(&definition.name), message);
    }

    fn fault_at(&mut self, ty: &Type, message: String) {
        let signs = u32::from(ty.call).saturating_add(u32::from(ty.bare));
        self.faults.push(ty.position, len_of(&ty.name).saturating_add(signs), message);
    }

    fn duplicates(&mut self, schema: &'a Schema) {
        let mut ids: BTreeMap<u32, &Definition> = BTreeMap::new();
        let mut names: BTreeMap<(Kind, String), &Definition> = BTreeMap::new();
        let mut types: BTreeMap<_, &Type> = BTreeMap::new();
        for definition in &schema.definitions {
            let Definition { kind, name, result, .. } = definition;
            let first = *ids.entry(definition.id()).or_insert(definition);
            if is_other(first, definition)
                && !(is_declared_call(first) && is_declared_call(definition))
            {
                let (id, at) = (definition.id(), first.position);
                let (name, first) = (Quoted(name), Quoted(&first.name));
                self.fault_of(definition, format!("{name} has the id {id:08x} of {first} at {at}"));
            }
            let first = *names.entry((*kind, full_name(name))).or_insert(definition);
            if first.position != definition.position {
                let message = same_name(name, &first.name, first.position);
                self.fault_of(definition, message);
            }
            if *kind == Kind::Constructor {
                let key = (&result.name.namespace, struct_name(&result.name));
                let first = *types.entry(key).or_insert(result);
                if first.name != result.name {
                    let message = same_name(&result.name, &first.name, first.position);
                    self.fault_at(result, format!("type {message}"));
                }
            }
        }
    }

    /// Each namespace is a module of its own.
    fn modules(&mut self, schema: &Schema) {
        let mut modules = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for Definition { kind, name, position, result, .. } in &schema.definitions {
            let is_constructor = *kind == Kind::Constructor;
            let ty = is_constructor.then_some((&result.name, result.position));
            for (name, position) in ty.into_iter().chain([(name, *position)]) {
                let Some(namespace) = name.namespace.as_deref() else { continue };
                if !seen.insert(namespace) {
                    continue;
                }
                let (first, at) =
                    *modules.entry(module_name(namespace)).or_insert((namespace, position));
                if first != namespace {
                    let message = format!("namespace {}", same_name(&namespace, &first, at));
                    self.faults.push(position, len_of(&namespace), message);
                }
            }
        }
    }

    /// Constructors of a type with and without its namespace may look the same in its enum.
    fn variants(&mut self) {
        let mut clashes = Vec::new();
        for (ty, constructors) in &self.results {
            let mut variants: BTreeMap<String, &Definition> = BTreeMap::new();
            for constructor in constructors {
                let name = &constructor.name;
                let first = *variants.entry(variant_name(name, ty)).or_insert(constructor);
                if full_name(&first.name) != full_name(name) {
                    let same = same_name(name, &first.name, first.position);
                    let message = format!("{same}, as both are of type {}", Quoted(ty));
                    clashes.push((*constructor, message));
                }
            }
        }
        for (constructor, message) in clashes {
            self.fault_of(constructor, message);
        }
    }

    fn definition(&mut self, definition: &'a Definition) {
        if definition.name.is_boxed() {
            let name = Quoted(&definition.name);
            self.fault_of(definition, format!("{name} starts with a capital, as only types do"));
        }
        let mut names = BTreeMap::new();
        let mut words = BTreeSet::new();
        for (index, field) in definition.fields.iter().enumerate() {
            let Field { position, name, ty, .. } = field;
            let len = len_of(name);
            let first = *names.entry(field_name(name)).or_insert(field);
            if first.position != *position {
                let message = if first.name == *name {
                    format!("a second field {} of {}", Quoted(name), Quoted(&definition.name))
                } else {
                    same_name(name, &first.name, first.position)
                };
                self.faults.push(*position, len, message);
            }
            if let FieldType::Conditional { word, .. } = ty
                && !words.contains(word.as_str())
            {
                let word = Quoted(format!("{word}:#"));
                self.faults.push(
                    *position,
                    len,
                    format!("no field {word} before {}", Quoted(name)),
                );
            }
            if *ty == FieldType::Word {
                words.insert(name.as_str());
                if words.len() == FLAG_WORDS_MAX.saturating_add(1) {
                    let message = format!("more than {FLAG_WORDS_MAX} fields of type `#`");
                    self.faults.push(*position, len, message);
                }
            }
            let is_last = index.checked_add(1) == Some(definition.fields.len());
            self.field(definition, field, is_last);
        }
        self.result(definition);
    }

    fn field(&mut self, definition: &'a Definition, field: &'a Field, is_last: bool) {
        let Some(ty) = field.ty.value() else { return };
        if field.ty.is_flag() {
            return;
        }
        if is_raw(definition, ty) {
            if !is_last {
                let message = format!("a field of type {} must be the last one", Quoted(ty));
                self.fault_at(ty, message);
            }
        } else {
            self.value(definition, ty);
        }
    }

    fn result(&mut self, definition: &'a Definition) {
        let Definition { kind, result, name, .. } = definition;
        if *kind == Kind::Function {
            let param = definition.type_params.iter().find(|param| result.name.is(param));
            match param {
                None => self.value(definition, result),
                Some(param) if result.argument.is_some() || result.call || result.bare => {
                    let (param, found) = (Quoted(param), Quoted(result));
                    let message =
                        format!("expected the type parameter {param} alone, found {found}");
                    self.fault_at(result, message);
                }
                Some(_) => {}
            }
            return;
        }
        if result.argument.is_some() || result.call || result.bare {
            let (name, found) = (Quoted(name), Quoted(result));
            self.fault_at(
                result,
                format!("expected the name of the type of {name}, found {found}"),
            );
        } else if !result.name.is_boxed() {
            let message = format!("type {} does not start with a capital", Quoted(result));
            self.fault_at(result, message);
        } else if result.name.is("Bool") {
            let is_known = BOOLS.iter().any(|(known, id)| name.is(known) && definition.id() == *id);
            if !is_known || !definition.fields.is_empty() {
                let [(no, no_id), (yes, yes_id)] = BOOLS;
                let message = format!(
                    "only `{no}#{no_id:08x}` and `{yes}#{yes_id:08x}`, without fields, are of type `Bool`"
                );
                self.fault_of(definition, message);
            }
        }
    }

    /// A type that has a value of its own.
    fn value(&mut self, definition: &'a Definition, ty: &'a Type) {
        let name = &ty.name;
        if ty.call {
            let (call, of) = (Quoted(ty), Quoted(&definition.name));
            let param = Quoted(format!("{{{name}:Type}}"));
            return self.fault_at(ty, format!("{call} is a call, but {of} has no {param}"));
        }
        let is_vector = name.is("Vector") || name.is("vector");
        match &ty.argument {
            Some(argument) if is_vector => {
                if is_raw(definition, argument) {
                    let message = format!("a vector of {}, which has no end", Quoted(argument));
                    return self.fault_at(argument, message);
                }
                return self.value(definition, argument);
            }
            Some(_) => {
                return self.fault_at(ty, format!("type {} takes no argument", Quoted(name)));
            }
            None if is_vector => {
                let form = Quoted(format!("{name}<T>"));
                return self
                    .fault_at(ty, format!("type {} takes an argument: {form}", Quoted(name)));
            }
            None => {}
        }
        let constructors = self.results.get(name).map_or(0, Vec::len);
        let is_built_in = BUILT_IN_VALUES.iter().any(|(built_in, _)| name.is(built_in));
        let shown = Quoted(name);
        let message = match () {
            () if name.is("Bool") && ty.bare => several(name),
            () if is_built_in => return,
            () if name.is("true") && ty.bare => {
                "`true` is bare already, so it has no `%`".to_owned()
            }
            () if name.is("true") => {
                "`true` is only for conditional fields: `flags.0?true`".to_owned()
            }
            () if self.is_of_built_in(name) => {
                format!("{shown} has no values: use `Bool`, or `true` in a conditional field")
            }
            () if !name.is_boxed() && self.bare.contains_key(name) => return,
            () if !self.is_complete && constructors == 0 => return,
            () if !name.is_boxed() => format!("no constructor {shown}{}", self.hint(name)),
            () if constructors == 0 => {
                format!("type {shown} has no constructor{}", self.hint(name))
            }
            () if ty.bare && constructors > 1 => several(name),
            () => return,
        };
        self.fault_at(ty, message);
    }

    /// Whether it is, or is a constructor of, a type that no code is written for.
    fn is_of_built_in(&self, name: &Name) -> bool {
        let result = self.bare.get(name).map_or(name, |constructor| &constructor.result.name);
        let is_built_in = BUILT_IN_RESULTS.iter().any(|built_in| result.is(built_in));
        is_built_in || BOOLS.iter().any(|(constructor, _)| name.is(constructor))
    }

    /// The name with a small letter for the capital, or the other way round, if that is one.
    fn hint(&self, name: &Name) -> String {
        let mut chars = name.ident.chars();
        let Some(first) = chars.next() else { return String::new() };
        let first =
            if name.is_boxed() { first.to_ascii_lowercase() } else { first.to_ascii_uppercase() };
        let ident = format!("{first}{}", chars.as_str());
        let other = Name { namespace: name.namespace.clone(), ident };
        let is_known = BUILT_IN_VALUES.iter().any(|(built_in, _)| other.is(built_in))
            || self.results.contains_key(&other)
            || self.bare.contains_key(&other);
        if is_known { format!("; did you mean {}?", Quoted(other)) } else { String::new() }
    }
}

fn several(name: &Name) -> String {
    format!("type {} has several constructors, so it is never bare", Quoted(name))
}

fn same_name(name: &impl Display, first: &impl Display, at: Position) -> String {
    let (name, first) = (format!("{}", Quoted(name)), format!("{}", Quoted(first)));
    if name == first {
        format!("{name} is defined at {at} already")
    } else {
        format!("{name} has the same name in Rust as {first} at {at}")
    }
}

/// Whether the names of two lines, or what they are, differ.
pub(super) fn is_other(one: &Definition, other: &Definition) -> bool {
    one.name != other.name || one.kind != other.kind
}

/// Schemas in use declare the prefix of some function as another one with its id.
pub(super) fn is_declared_call(definition: &Definition) -> bool {
    definition.kind == Kind::Function && definition.declared_id.is_some()
}

/// Whether the value is all the bytes that remain.
pub(crate) fn is_raw(definition: &Definition, ty: &Type) -> bool {
    let is_param = definition.type_params.iter().any(|param| ty.name.is(param));
    ty.argument.is_none() && (ty.name.is("Object") || is_param)
}
