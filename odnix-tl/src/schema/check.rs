//! What a schema that parses must also be: each name and id once, each type defined and used
//! in a way that has a wire form.

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use super::{
    Definition, Field, FieldType, Kind, Name, Position, Schema, SchemaError, Type,
    names::{BUILT_IN_VALUES, field_name, struct_name},
};

/// All faults of `schema`, in no order. Unless it `is_complete`, a type may be missing.
pub(super) fn check(schema: &Schema, is_complete: bool) -> Vec<SchemaError> {
    let (results, bare) = (BTreeMap::new(), BTreeMap::new());
    let mut checker = Checker { errors: Vec::new(), results, bare, is_complete };
    for constructor in schema.definitions.iter().filter(|line| line.kind == Kind::Constructor) {
        checker.results.entry(&constructor.result.name).or_default().push(constructor);
        checker.bare.insert(&constructor.name, constructor);
    }
    checker.duplicates(schema);
    for definition in &schema.definitions {
        checker.definition(definition);
    }
    checker.errors
}

struct Checker<'a> {
    errors: Vec<SchemaError>,
    results: BTreeMap<&'a Name, Vec<&'a Definition>>,
    bare: BTreeMap<&'a Name, &'a Definition>,
    is_complete: bool,
}

impl<'a> Checker<'a> {
    fn fault(&mut self, position: Position, message: String) {
        self.errors.push(SchemaError { position, message });
    }

    fn duplicates(&mut self, schema: &'a Schema) {
        let mut ids = BTreeMap::new();
        let mut names = BTreeMap::new();
        for definition in &schema.definitions {
            let Definition { kind, name, position, .. } = definition;
            if let Some(first) = ids.insert(definition.id(), definition)
                && !(is_declared_call(first) && is_declared_call(definition))
            {
                let (id, first) = (definition.id(), &first.name);
                self.fault(*position, format!("{name} has the id {id:08x} of {first}"));
            }
            if let Some(first) = names.insert((*kind, &name.namespace, struct_name(name)), name) {
                self.fault(*position, format!("{name} has the same name in Rust as {first}"));
            }
        }
        let mut types = BTreeMap::new();
        for (name, constructors) in &self.results {
            if let Some(first) = types.insert((&name.namespace, struct_name(name)), *name)
                && let Some(constructor) = constructors.first()
            {
                let message = format!("type {name} has the same name in Rust as {first}");
                self.errors.push(SchemaError { position: constructor.result.position, message });
            }
        }
    }

    fn definition(&mut self, definition: &'a Definition) {
        if definition.name.is_boxed() {
            let message = format!("{} starts with a capital, as only types do", definition.name);
            self.fault(definition.position, message);
        }
        let mut names = BTreeSet::new();
        let mut words = BTreeSet::new();
        for (index, field) in definition.fields.iter().enumerate() {
            if !names.insert(field_name(&field.name)) {
                let message = format!("a second field {} of {}", field.name, definition.name);
                self.fault(field.position, message);
            }
            if let FieldType::Conditional { word, .. } = &field.ty
                && !words.contains(word.as_str())
            {
                self.fault(field.position, format!("no field {word}:# before {}", field.name));
            }
            if field.ty == FieldType::Word {
                words.insert(field.name.as_str());
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
                self.fault(ty.position, format!("a field of type {ty} must be the last one"));
            }
        } else {
            self.value(definition, ty);
        }
    }

    fn result(&mut self, definition: &'a Definition) {
        let Definition { kind, result, name, .. } = definition;
        match kind {
            Kind::Function if definition.type_params.iter().any(|param| result.name.is(param)) => {}
            Kind::Function => self.value(definition, result),
            Kind::Constructor => {
                if result.argument.is_some() || result.call || result.bare {
                    self.fault(result.position, format!("{result} is not the type of {name}"));
                } else if !result.name.is_boxed() {
                    let message = format!("type {result} does not start with a capital");
                    self.fault(result.position, message);
                }
            }
        }
    }

    /// A type that has a value of its own.
    fn value(&mut self, definition: &'a Definition, ty: &'a Type) {
        let name = &ty.name;
        if ty.call {
            return self.fault(ty.position, format!("{ty}: only {{{name}:Type}} can be called"));
        }
        match &ty.argument {
            Some(argument) if name.is("Vector") || name.is("vector") => {
                if is_raw(definition, argument) {
                    let message = format!("a vector of {argument}, which has no end");
                    return self.fault(argument.position, message);
                }
                return self.value(definition, argument);
            }
            Some(_) => return self.fault(ty.position, format!("type {name} takes no argument")),
            None if name.is("Vector") || name.is("vector") => {
                return self.fault(ty.position, format!("type {name} takes an argument"));
            }
            None => {}
        }
        let constructors = self.results.get(name).map_or(0, Vec::len);
        let message = match () {
            () if BUILT_IN_VALUES.iter().any(|(built_in, _)| name.is(built_in)) => return,
            () if name.is("true") => "true must be conditional".to_owned(),
            () if !name.is_boxed() && self.bare.contains_key(name) => return,
            () if !self.is_complete && constructors == 0 => return,
            () if !name.is_boxed() => format!("no constructor {name}"),
            () if constructors == 0 => format!("type {name} has no constructor"),
            () if ty.bare && constructors > 1 => {
                format!("type {name} has several constructors, so it is never bare")
            }
            () => return,
        };
        self.fault(ty.position, message);
    }
}

/// Schemas in use declare the prefix of some function as another one with its id.
fn is_declared_call(definition: &Definition) -> bool {
    definition.kind == Kind::Function && definition.declared_id.is_some()
}

/// Whether the value is all the bytes that remain.
pub(crate) fn is_raw(definition: &Definition, ty: &Type) -> bool {
    let is_param = definition.type_params.iter().any(|param| ty.name.is(param));
    ty.argument.is_none() && (ty.name.is("Object") || is_param)
}
