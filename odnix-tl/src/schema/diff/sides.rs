//! The two schemas by name and id, and what of them can be met on the wire.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::super::{Definition, FieldType, Kind, Name, Schema, Type};

/// One schema, for looking things up.
pub(super) struct Side<'a> {
    pub schema: &'a Schema,
    by_id: BTreeMap<u32, Vec<&'a Definition>>,
    functions: BTreeMap<&'a Name, &'a Definition>,
    bare: BTreeMap<&'a Name, &'a Definition>,
    /// The constructors of each type.
    pub types: BTreeMap<&'a Name, Vec<&'a Definition>>,
}

impl<'a> Side<'a> {
    pub fn new(schema: &'a Schema) -> Self {
        let mut side = Self {
            schema,
            by_id: BTreeMap::new(),
            functions: BTreeMap::new(),
            bare: BTreeMap::new(),
            types: BTreeMap::new(),
        };
        for definition in &schema.definitions {
            side.by_id.entry(definition.id()).or_default().push(definition);
            if definition.kind == Kind::Function {
                side.functions.insert(&definition.name, definition);
            } else {
                side.bare.insert(&definition.name, definition);
                side.types.entry(&definition.result.name).or_default().push(definition);
            }
        }
        side
    }

    /// The line of this side with the id of `other`. Functions may share one: then the one with
    /// its name, or the last.
    pub fn twin(&self, other: &Definition) -> Option<&'a Definition> {
        let all = self.by_id.get(&other.id())?;
        let same = all.iter().find(|line| line.kind == other.kind && line.name == other.name);
        same.or(all.last()).copied()
    }

    /// The line of this side with the name of `other`.
    pub fn namesake(&self, other: &Definition) -> Option<&'a Definition> {
        let lines = match other.kind {
            Kind::Constructor => &self.bare,
            Kind::Function => &self.functions,
        };
        lines.get(&other.name).copied()
    }

    /// The constructors a field of type `ty` can hold: all of a type, or the one named.
    pub fn constructors(&self, ty: &Type) -> &[&'a Definition] {
        if let Some(of_type) = self.types.get(&ty.name) {
            return of_type;
        }
        self.bare.get(&ty.name).map(core::slice::from_ref).unwrap_or_default()
    }

    /// The types that no field and no result mentions: whoever likes sends them unasked.
    fn unmentioned(&self) -> Vec<&'a Name> {
        let mut mentioned = BTreeSet::new();
        for definition in &self.schema.definitions {
            let result = (definition.kind == Kind::Function).then_some(&definition.result);
            for ty in definition.fields.iter().filter_map(|field| field.ty.value()).chain(result) {
                let ty = innermost(ty);
                mentioned.extend(self.constructors(ty).iter().map(|of| &of.result.name));
            }
        }
        self.types.keys().copied().filter(|name| !mentioned.contains(name)).collect()
    }
}

/// The item type of vectors of vectors.
fn innermost(mut ty: &Type) -> &Type {
    while let Some(argument) = &ty.argument {
        ty = argument;
    }
    ty
}

/// What can be met on the wire in one direction.
#[derive(Default)]
pub(super) struct Reach<'a> {
    /// Types of which each constructor may come.
    pub types: BTreeSet<&'a Name>,
    /// Those constructors, and those that come bare.
    pub constructors: BTreeSet<&'a Name>,
}

impl<'a> Reach<'a> {
    /// Everything below `ty`; through constructors that `is_open` only.
    fn extend(&mut self, side: &Side<'a>, ty: &'a Type, is_open: &dyn Fn(&Definition) -> bool) {
        let mut open = Vec::from([ty]);
        while let Some(ty) = open.pop() {
            let ty = innermost(ty);
            if side.types.contains_key(&ty.name) && !ty.bare {
                self.types.insert(&ty.name);
            }
            for constructor in side.constructors(ty) {
                if self.constructors.insert(&constructor.name) && is_open(constructor) {
                    open.extend(constructor.fields.iter().filter_map(|field| field.ty.value()));
                }
            }
        }
    }

    /// A whole type, from one of its constructors.
    fn extend_type(&mut self, side: &Side<'a>, name: &Name, is_open: &dyn Fn(&Definition) -> bool) {
        let first = side.types.get(name).and_then(|constructors| constructors.first());
        if let Some(first) = first {
            self.extend(side, &first.result, is_open);
        }
    }
}

/// What old clients send: arguments, and what nobody asks for.
pub(super) fn sent<'a>(old: &Side<'a>) -> Reach<'a> {
    let mut reach = Reach::default();
    for function in old.schema.definitions.iter().filter(|line| line.kind == Kind::Function) {
        for ty in function.fields.iter().filter_map(|field| field.ty.value()) {
            reach.extend(old, ty, &|_| true);
        }
    }
    for name in old.unmentioned() {
        reach.extend_type(old, name, &|_| true);
    }
    reach
}

/// What old clients receive: results of the functions they know, and what nobody asks for.
/// Behind a constructor that they do not know they read nothing.
pub(super) fn received<'a>(old: &Side<'_>, new: &Side<'a>) -> Reach<'a> {
    let mut reach = Reach::default();
    let is_known = |line: &Definition| old.twin(line).is_some();
    for function in new.schema.definitions.iter().filter(|line| line.kind == Kind::Function) {
        if old.twin(function).is_some_and(|twin| twin.kind == Kind::Function) {
            reach.extend(new, &function.result, &is_known);
        }
    }
    for name in old.unmentioned() {
        reach.extend_type(new, name, &is_known);
    }
    reach
}

/// Old types that are gone, while what is left of their constructors is one new type.
pub(super) fn renamed_types<'a>(old: &Side<'a>, new: &Side<'a>) -> BTreeMap<&'a Name, &'a Name> {
    let mut renamed = BTreeMap::new();
    for (name, constructors) in &old.types {
        let twins = constructors.iter().filter_map(|constructor| new.twin(constructor));
        let twins = twins.filter(|twin| twin.kind == Kind::Constructor);
        let now: BTreeSet<_> = twins.map(|twin| &twin.result.name).collect();
        if let (Some(first), 1) = (now.first(), now.len())
            && !new.types.contains_key(name)
            && !old.types.contains_key(first)
        {
            renamed.insert(*name, *first);
        }
    }
    renamed
}

/// The `#` that a condition names, counted among the words of its line.
pub(super) fn word_index(definition: &Definition, word: &str) -> Option<usize> {
    let mut words = definition.fields.iter().filter(|field| field.ty == FieldType::Word);
    words.position(|field| field.name == word)
}
