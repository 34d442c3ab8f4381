//! Which namespaces of a schema need which others, for cargo features.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use super::{Definition, Kind, Name, Schema};

/// Under which features the modules of a generated schema are there. What has no namespace is
/// always there, and so is all that it mentions.
pub(super) struct Gates<'a> {
    /// For the types of each namespace, the namespaces that mention them. Those that are always
    /// there are not in here.
    users: BTreeMap<&'a str, BTreeSet<&'a str>>,
    is_on: bool,
}

impl<'a> Gates<'a> {
    pub fn new(schema: &'a Schema, is_on: bool) -> Self {
        let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut always = BTreeSet::new();
        if is_on {
            let constructors = constructors(schema);
            let mut lines: BTreeMap<Option<&str>, Vec<&Definition>> = BTreeMap::new();
            for line in &schema.definitions {
                lines.entry(line.name.namespace.as_deref()).or_default().push(line);
            }
            for (user, lines) in lines {
                let mentioned = mentioned(&constructors, &lines);
                match user {
                    None => always = mentioned,
                    Some(user) => {
                        for namespace in mentioned.into_iter().chain([user]) {
                            users.entry(namespace).or_default().insert(user);
                        }
                    }
                }
            }
        }
        users.retain(|namespace, _| !always.contains(namespace));
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

/// The constructors of each type, and each by its own name.
fn constructors(schema: &Schema) -> BTreeMap<&Name, Vec<&Definition>> {
    let mut constructors: BTreeMap<&Name, Vec<&Definition>> = BTreeMap::new();
    for line in schema.definitions.iter().filter(|line| line.kind == Kind::Constructor) {
        constructors.entry(&line.result.name).or_default().push(line);
        constructors.entry(&line.name).or_default().push(line);
    }
    constructors
}

/// The namespaces of all that `lines` mention, and of what that mentions.
fn mentioned<'a>(
    constructors: &BTreeMap<&'a Name, Vec<&'a Definition>>,
    lines: &[&'a Definition],
) -> BTreeSet<&'a str> {
    let mut seen: BTreeSet<&Name> = BTreeSet::new();
    let mut namespaces = BTreeSet::new();
    let mut open = lines.to_vec();
    while let Some(line) = open.pop() {
        namespaces
            .extend(line.name.namespace.as_deref().filter(|_| line.kind == Kind::Constructor));
        let mut types: Vec<_> = line.fields.iter().filter_map(|field| field.ty.value()).collect();
        types.push(&line.result);
        for mut ty in types {
            while let Some(item) = &ty.argument {
                ty = item;
            }
            if seen.insert(&ty.name) {
                let of_type = constructors.get(&ty.name);
                // A type that is no one's has no module.
                namespaces.extend(of_type.and(ty.name.namespace.as_deref()));
                open.extend(of_type.into_iter().flatten().copied());
            }
        }
    }
    namespaces
}
