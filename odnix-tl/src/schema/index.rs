//! What a schema defines, by name: what every generator looks up.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{
    Definition, Kind, Name, Schema, Type,
    check::is_raw,
    names::{BUILT_IN_VALUES, BuiltIn},
};

/// The lines of a schema that generators write about: all but those of built-in types.
pub(super) struct Index<'a> {
    /// Where they are from.
    pub(super) schema: &'a Schema,
    /// All constructors, in their order.
    pub(super) constructors: Vec<&'a Definition>,
    /// All functions, in their order.
    pub(super) functions: Vec<&'a Definition>,
    /// The constructors of each type.
    pub(super) results: BTreeMap<&'a Name, Vec<&'a Definition>>,
    bare: BTreeMap<&'a Name, &'a Definition>,
}

/// What the values of a type expression are.
pub(super) enum Shape<'a> {
    /// All the bytes that remain.
    Raw,
    /// Any number of values of this type.
    Vector(&'a Type),
    /// Those of a type that every schema has.
    BuiltIn(&'static BuiltIn),
    /// Those of this constructor.
    Constructor(&'a Definition),
    /// Those of any constructor of this type.
    Boxed(&'a Name),
}

impl<'a> Index<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        let (results, bare) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::new());
        let mut index =
            Self { schema, constructors: Vec::new(), functions: Vec::new(), results, bare };
        for definition in schema.definitions.iter().filter(|line| !is_built_in(line)) {
            if definition.kind == Kind::Function {
                index.functions.push(definition);
                continue;
            }
            index.constructors.push(definition);
            index.results.entry(&definition.result.name).or_default().push(definition);
            index.bare.insert(&definition.name, definition);
        }
        index
    }

    /// The constructors that a value of the type `name` can have.
    pub(super) fn constructors_of(&self, name: &Name) -> &[&'a Definition] {
        let of_type = self.results.get(name).map(Vec::as_slice);
        let bare = self.bare.get(name).map(core::slice::from_ref);
        of_type.or(bare).unwrap_or_default()
    }

    /// Whether the value of a field of `definition` may hold, without a vector between, one of the
    /// type that `definition` is of.
    pub(super) fn is_recursive(&self, definition: &Definition, ty: &Type) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = Vec::from([ty]);
        while let Some(ty) = open.pop() {
            if ty.argument.is_some() || !seen.insert(&ty.name) {
                continue;
            }
            for constructor in self.constructors_of(&ty.name) {
                if constructor.result.name == definition.result.name {
                    return definition.kind == Kind::Constructor;
                }
                open.extend(constructor.fields.iter().filter_map(|field| field.ty.value()));
            }
        }
        false
    }

    /// What `ty`, in `definition`, stands for.
    pub(super) fn shape<'s>(&'s self, definition: &Definition, ty: &'s Type) -> Shape<'s> {
        if is_raw(definition, ty) {
            return Shape::Raw;
        }
        if let Some(item) = &ty.argument {
            return Shape::Vector(item);
        }
        if let Some(built_in) = BUILT_IN_VALUES.iter().find(|(name, _)| ty.name.is(name)) {
            return Shape::BuiltIn(built_in);
        }
        match self.constructors_of(&ty.name) {
            [only] => Shape::Constructor(only),
            _ => Shape::Boxed(&ty.name),
        }
    }

    /// The functions that can be called by their id: of those with the same one, the last counts.
    pub(super) fn callable_functions(&self) -> impl Iterator<Item = &'a Definition> {
        let last: BTreeMap<u32, &Name> =
            self.functions.iter().map(|of| (of.id(), &of.name)).collect();
        let functions = self.functions.iter().copied();
        functions.filter(move |of| last.get(&of.id()) == Some(&&of.name))
    }
}

/// Constructors of the types that Rust has anyway; functions may well return those.
fn is_built_in(definition: &Definition) -> bool {
    definition.kind == Kind::Constructor
        && ["Bool", "True", "Null"].iter().any(|name| definition.result.name.is(name))
}
