//! What a schema defines, by name: what every generator looks up.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use super::{
    Definition, Kind, Name, Schema, Type,
    check::is_raw,
    components::components,
    names::{BUILT_IN_VALUES, BuiltIn},
};

/// The lines of a schema that generators write about: all but those of built-in types.
pub(super) struct Index<'a> {
    /// All constructors, in their order.
    pub(super) constructors: Vec<&'a Definition>,
    /// All functions, in their order.
    pub(super) functions: Vec<&'a Definition>,
    /// The constructors of each type.
    pub(super) results: BTreeMap<&'a Name, Vec<&'a Definition>>,
    /// Types and constructors in groups: those of a group hold each other without a vector
    /// between, and stand behind all others that they hold.
    pub(super) groups: Vec<Vec<Node<'a>>>,
    /// The group of each.
    group_of: BTreeMap<&'a Name, usize>,
    bare: BTreeMap<&'a Name, &'a Definition>,
    type_docs: BTreeMap<&'a Name, &'a [String]>,
}

/// What holds values, or is held.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    /// Any constructor of this type.
    Type(&'a Name),
    /// This one.
    Constructor(&'a Definition),
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
        let mut index = Self {
            constructors: Vec::new(),
            functions: Vec::new(),
            results: BTreeMap::new(),
            groups: Vec::new(),
            group_of: BTreeMap::new(),
            bare: BTreeMap::new(),
            type_docs: BTreeMap::new(),
        };
        for of in &schema.type_docs {
            index.type_docs.entry(&of.name).or_insert(of.docs.as_slice());
        }
        for definition in schema.definitions.iter().filter(|line| !is_built_in(line)) {
            if definition.kind == Kind::Function {
                index.functions.push(definition);
                continue;
            }
            index.constructors.push(definition);
            index.results.entry(&definition.result.name).or_default().push(definition);
            index.bare.insert(&definition.name, definition);
        }
        index.find_groups();
        index
    }

    fn find_groups(&mut self) {
        let constructors = self.bare.iter().map(|(name, of)| (*name, Node::Constructor(of)));
        let types = self.results.keys().map(|name| (*name, Node::Type(name)));
        let nodes: Vec<_> = constructors.chain(types).collect();
        let places: BTreeMap<_, _> =
            nodes.iter().enumerate().map(|(place, (name, _))| (*name, place)).collect();
        let place = |name| places.get(name).copied();
        let edges = nodes.iter().map(|(_, node)| match node {
            Node::Type(name) => {
                self.constructors_of(name).iter().filter_map(|of| place(&of.name)).collect()
            }
            Node::Constructor(of) => {
                let fields = of.fields.iter().filter_map(|field| field.ty.value());
                fields.filter_map(|ty| self.held(of, ty).and_then(place)).collect()
            }
        });
        let groups = components(&edges.collect::<Vec<_>>());
        for (group, members) in groups.iter().enumerate() {
            let members: Vec<_> = members.iter().filter_map(|place| nodes.get(*place)).collect();
            self.group_of.extend(members.iter().map(|(name, _)| (*name, group)));
            self.groups.push(members.into_iter().map(|(_, node)| *node).collect());
        }
    }

    /// The constructor or type that a field of this type holds, if it is one of the schema's.
    pub(super) fn held<'s>(&'s self, definition: &Definition, ty: &'s Type) -> Option<&'s Name> {
        match self.shape(definition, ty) {
            Shape::Raw | Shape::Vector(_) | Shape::BuiltIn(_) => None,
            Shape::Constructor(only) => Some(&only.name),
            Shape::Boxed(name) => Some(name),
        }
    }

    /// The constructors that a value of the type `name` can have.
    pub(super) fn constructors_of(&self, name: &Name) -> &[&'a Definition] {
        let of_type = self.results.get(name).map(Vec::as_slice);
        let bare = self.bare.get(name).map(core::slice::from_ref);
        of_type.or(bare).unwrap_or_default()
    }

    /// What `//@class` says of a type.
    pub(super) fn docs_of_type(&self, name: &Name) -> &'a [String] {
        self.type_docs.get(name).copied().unwrap_or_default()
    }

    /// Whether the value of a field of `definition` may hold, without a vector between, another
    /// value of `definition`.
    pub(super) fn is_recursive(&self, definition: &Definition, ty: &Type) -> bool {
        let group = |name| self.group_of.get(name);
        let held = self.held(definition, ty).and_then(group);
        definition.kind == Kind::Constructor && held.is_some() && held == group(&definition.name)
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
