//! How short the values of a schema can be.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{Definition, FieldType, Kind, Name, Schema, Type, check::is_raw};

impl Type {
    /// Whether a value has no constructor id in front: `%T`, `t`, `vector<…>`.
    pub fn is_bare(&self) -> bool {
        self.bare || !self.name.is_boxed()
    }
}

impl Definition {
    /// The bits of the `#` called `word` that fields of this line use.
    pub fn bits_of(&self, word: &str) -> u32 {
        let bits = self.fields.iter().map(|field| match &field.ty {
            FieldType::Conditional { word: of, bit, .. } if of == word => {
                1_u32.checked_shl(*bit).unwrap_or(0)
            }
            _ => 0,
        });
        bits.fold(0, |bits, bit| bits | bit)
    }
}

/// How often the lengths are derived from each other. Each round takes constructors within
/// constructors one level deeper into account; more of them make no vector check better.
const ROUNDS: u32 = 4;

/// The length of the shortest form of each line's fields and of each type, in bytes. It is a
/// bound from below: constructors that are within each other more than [`ROUNDS`] deep, or
/// without end, may have no form that is as short. Generated code (`MIN_LEN`) and
/// [`dynamic`](crate::dynamic) have their numbers from here, so both refuse the same counts.
pub(crate) struct MinLens<'a> {
    constructors: BTreeMap<&'a Name, usize>,
    types: BTreeMap<&'a Name, usize>,
}

impl<'a> MinLens<'a> {
    pub fn new(schema: &'a Schema) -> Self {
        let mut lens = Self { constructors: BTreeMap::new(), types: BTreeMap::new() };
        let constructors: Vec<_> =
            schema.definitions.iter().filter(|line| line.kind == Kind::Constructor).collect();
        for _ in 0..ROUNDS {
            let bare: BTreeMap<_, _> =
                constructors.iter().map(|line| (&line.name, lens.fields(line))).collect();
            let mut types: BTreeMap<&Name, usize> = BTreeMap::new();
            for line in &constructors {
                let len = bare.get(&line.name).map_or(4, |len| len.saturating_add(4));
                let shortest = types.entry(&line.result.name).or_insert(len);
                *shortest = len.min(*shortest);
            }
            (lens.constructors, lens.types) = (bare, types);
        }
        lens
    }

    /// Of the fields of a line. Of a constructor it is what the length of its type comes from.
    pub fn bare(&self, line: &Definition) -> usize {
        let known = match line.kind {
            Kind::Constructor => self.constructors.get(&line.name).copied(),
            Kind::Function => None,
        };
        known.unwrap_or_else(|| self.fields(line))
    }

    /// The sum of what is known of the fields.
    fn fields(&self, line: &Definition) -> usize {
        let lens = line.fields.iter().map(|field| match &field.ty {
            FieldType::Word => 4,
            FieldType::Conditional { .. } => 0,
            FieldType::Plain(ty) if is_raw(line, ty) => 0,
            FieldType::Plain(ty) => self.value(ty),
        });
        lens.fold(0, usize::saturating_add)
    }

    /// Of a type, with the constructor id.
    pub fn boxed(&self, name: &Name) -> usize {
        self.types.get(name).copied().unwrap_or(4)
    }

    /// Of a value of a field.
    pub fn value(&self, ty: &Type) -> usize {
        let is_bare = ty.is_bare();
        if ty.argument.is_some() {
            return if is_bare { 4 } else { 8 };
        }
        match ty.name.ident.as_str() {
            _ if ty.name.namespace.is_some() => {}
            "int" | "string" | "bytes" | "Bool" => return 4,
            "long" | "double" => return 8,
            "int128" => return 16,
            "int256" => return 32,
            _ => {}
        }
        let bare = self.constructors.get(&ty.name).copied();
        match (is_bare, bare) {
            (true, Some(len)) => len,
            (true, None) => self.boxed(&ty.name).saturating_sub(4),
            (false, _) => self.boxed(&ty.name),
        }
    }
}
