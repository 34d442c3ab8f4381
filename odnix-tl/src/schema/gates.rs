//! Which namespaces of a schema need which others, for cargo features.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use super::{
    Definition, Name, Schema, Type,
    index::{Index, Shape},
};

/// A namespace, or `None` for what has no namespace.
type Space<'a> = Option<&'a str>;

/// For each namespace, others.
type Edges<'a> = BTreeMap<Space<'a>, BTreeSet<Space<'a>>>;

/// Under which features the modules of a generated schema are there. What has no namespace is
/// always there, and so is all that it needs. A module is there as a whole or not at all, so
/// whoever needs one type of a namespace needs what any type of it needs.
pub(super) struct Gates<'a> {
    /// For the types of each namespace, the features that need them. Those that are always there
    /// are not in here.
    users: BTreeMap<&'a str, BTreeSet<&'a str>>,
    is_on: bool,
}

impl<'a> Gates<'a> {
    pub fn new(schema: &'a Schema, index: &'a Index<'_>, is_on: bool) -> Self {
        let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        if is_on {
            let (types, functions) = needs(index);
            for user in schema.namespaces() {
                for namespace in closure(&types, &functions, Some(user)) {
                    users.entry(namespace).or_default().insert(user);
                }
            }
            for namespace in closure(&types, &functions, None) {
                users.remove(namespace);
            }
        }
        Self { users, is_on }
    }

    /// The attribute of the types of a namespace, with its line end; empty if there is none.
    pub fn of_types(&self, namespace: &str) -> String {
        let Some(users) = self.users.get(namespace) else { return String::new() };
        let features: Vec<_> = users.iter().map(|name| format!("feature = \"{name}\"")).collect();
        match features.as_slice() {
            [only] => format!("#[cfg({only})]\n"),
            several => format!("#[cfg(any({}))]\n", several.join(", ")),
        }
    }

    /// The attribute of the functions of a namespace.
    pub fn of_functions(&self, namespace: &str) -> String {
        if !self.is_on {
            return String::new();
        }
        format!("#[cfg(feature = \"{namespace}\")]\n")
    }
}

impl Schema {
    /// The namespaces, which are the cargo features of generated code that has them.
    pub fn namespaces(&self) -> BTreeSet<&str> {
        self.definitions.iter().filter_map(|line| line.name.namespace.as_deref()).collect()
    }
}

/// The namespaces that the types of each namespace mention, and those that its functions do.
fn needs<'a>(index: &'a Index<'_>) -> (Edges<'a>, Edges<'a>) {
    let (mut types, mut functions) = (Edges::new(), Edges::new());
    for constructor in &index.constructors {
        let of_struct = constructor.name.namespace.as_deref();
        types.entry(of_struct).or_default().extend(mentioned(index, constructor));
        // The enum of a type mentions the structs of its constructors.
        if let Some(of_enum) = namespace(index, constructor, &constructor.result) {
            types.entry(of_enum).or_default().insert(of_struct);
        }
    }
    for function in &index.functions {
        let of_struct = function.name.namespace.as_deref();
        functions.entry(of_struct).or_default().extend(mentioned(index, function));
    }
    (types, functions)
}

/// The namespaces of the types of all fields, and of the result.
fn mentioned<'a>(index: &'a Index<'_>, line: &'a Definition) -> Vec<Space<'a>> {
    let fields = line.fields.iter().filter_map(|field| field.ty.value());
    fields.chain([&line.result]).filter_map(|ty| namespace(index, line, ty)).collect()
}

/// Where the Rust type of `ty` is; `None` if it is not one of the schema.
fn namespace<'a>(index: &'a Index<'_>, line: &Definition, ty: &'a Type) -> Option<Space<'a>> {
    let of = |name: &'a Name| Some(name.namespace.as_deref());
    match index.shape(line, ty) {
        Shape::Raw | Shape::BuiltIn(_) => None,
        Shape::Vector(item) => namespace(index, line, item),
        Shape::Constructor(only) => of(&only.name),
        Shape::Boxed(name) => of(name),
    }
}

/// The namespaces whose types are there when all of `space` is.
fn closure<'a>(types: &Edges<'a>, functions: &Edges<'a>, space: Space<'a>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = Vec::from([space]);
    open.extend(functions.get(&space).into_iter().flatten());
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(types.get(&next).into_iter().flatten());
        }
    }
    found.into_iter().flatten().collect()
}
