//! How large the values of generated types are in memory, about.

use alloc::collections::BTreeMap;

use super::{
    Definition, FieldType, Name, Type,
    index::{Index, Node, Shape},
};

/// A variant of more bytes is on the heap, so that moving a value costs little whatever it is.
/// The number is that of the compiler's lint for such variants.
const VARIANT_SIZE_MAX: usize = 200;

/// The size of a pointer, and the alignment of what holds one.
const WORD: usize = 8;

/// Nothing counts as larger, so that sums stay small: it is more than a variant holds already.
const SIZE_MAX: usize = VARIANT_SIZE_MAX + WORD;

/// The sizes of constructors and types, of which only the order of magnitude matters.
pub(super) struct Sizes<'a> {
    index: &'a Index<'a>,
    types: BTreeMap<&'a Name, usize>,
    constructors: BTreeMap<&'a Name, usize>,
}

impl<'a> Sizes<'a> {
    pub fn new(index: &'a Index<'a>) -> Self {
        let mut sizes = Self { index, types: BTreeMap::new(), constructors: BTreeMap::new() };
        // What a group holds comes before it, and members of a group hold pointers to each other.
        for group in &index.groups {
            for node in group {
                if let Node::Constructor(constructor) = node {
                    sizes.constructors.insert(&constructor.name, sizes.of_fields(constructor));
                }
            }
            for node in group {
                if let Node::Type(name) = node {
                    sizes.types.insert(name, sizes.of_type(name));
                }
            }
        }
        sizes
    }

    /// Whether a variant of an enum should hold a pointer to this constructor.
    pub fn is_large(&self, constructor: &Definition) -> bool {
        self.of_constructor(constructor) > VARIANT_SIZE_MAX
    }

    fn of_constructor(&self, constructor: &Definition) -> usize {
        self.constructors.get(&constructor.name).copied().unwrap_or(WORD)
    }

    /// That of its largest constructor, or of a pointer to it.
    fn of_type(&self, name: &Name) -> usize {
        let sizes = self.index.constructors_of(name).iter().map(|of| self.of_constructor(of));
        if sizes.len() == 1 {
            return sizes.sum();
        }
        let in_variant = |size| if size > VARIANT_SIZE_MAX { WORD } else { size };
        sizes.map(in_variant).max().unwrap_or(0).saturating_add(WORD)
    }

    /// The sum of the fields of a constructor.
    fn of_fields(&self, constructor: &Definition) -> usize {
        let fields = constructor.fields.iter().map(|field| match &field.ty {
            FieldType::Word => 0,
            FieldType::Conditional { .. } if field.ty.is_flag() => 1,
            FieldType::Plain(ty) => self.of_value(constructor, ty),
            FieldType::Conditional { ty, .. } => {
                let size = self.of_value(constructor, ty);
                // Whatever holds a pointer has room to say that there is none.
                if size < 2 * WORD { size.saturating_mul(2) } else { size }
            }
        });
        let size = fields.fold(0, usize::saturating_add).min(SIZE_MAX);
        size.checked_next_multiple_of(WORD).unwrap_or(SIZE_MAX)
    }

    fn of_value(&self, definition: &Definition, ty: &Type) -> usize {
        if self.index.is_recursive(definition, ty) {
            return WORD;
        }
        match self.index.shape(definition, ty) {
            Shape::Raw => 4 * WORD,
            Shape::Vector(_) => 3 * WORD,
            Shape::BuiltIn((name, _)) => match *name {
                "Bool" => 1,
                "int" => 4,
                "int128" => 16,
                "string" => 3 * WORD,
                "bytes" | "int256" => 4 * WORD,
                _ => 8,
            },
            Shape::Constructor(only) => self.of_constructor(only),
            Shape::Boxed(name) => self.types.get(name).copied().unwrap_or(WORD),
        }
    }
}
