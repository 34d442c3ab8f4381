//! How large the values of generated types are in memory, about.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    Definition, FieldType, Name, Type,
    index::{Index, Shape},
};

/// A variant of more bytes is on the heap, so that moving a value costs little whatever it is.
/// The number is that of the compiler's lint for such variants.
const VARIANT_SIZE_MAX: usize = 200;

/// The size of a pointer, and the alignment of what holds one.
const WORD: usize = 8;

/// The sizes of constructors and types, of which only the order of magnitude matters.
pub(super) struct Sizes<'a> {
    index: &'a Index<'a>,
    types: BTreeMap<&'a Name, usize>,
    constructors: BTreeMap<&'a Name, usize>,
}

impl<'a> Sizes<'a> {
    pub fn new(index: &'a Index<'a>) -> Self {
        let mut sizes = Self { index, types: BTreeMap::new(), constructors: BTreeMap::new() };
        for name in index.results.keys() {
            sizes.boxed(name);
        }
        sizes
    }

    /// Whether a variant of an enum should hold a pointer to this constructor.
    pub fn is_large(&self, constructor: &Definition) -> bool {
        let size = self.constructors.get(&constructor.name);
        size.is_some_and(|size| *size > VARIANT_SIZE_MAX)
    }

    /// Of a type: that of its largest constructor, or of a pointer to it.
    fn boxed(&mut self, name: &'a Name) -> usize {
        if let Some(size) = self.types.get(name) {
            return *size;
        }
        let index = self.index;
        let sizes: Vec<_> =
            index.constructors_of(name).iter().map(|constructor| self.bare(constructor)).collect();
        let size = match sizes.as_slice() {
            [only] => *only,
            _ => {
                let in_variant = |size: &usize| if *size > VARIANT_SIZE_MAX { WORD } else { *size };
                sizes.iter().map(in_variant).max().unwrap_or(0).saturating_add(WORD)
            }
        };
        self.types.insert(name, size);
        size
    }

    /// Of a constructor: the sum of its fields. Fields that lead back to it are pointers, so this
    /// ends.
    fn bare(&mut self, constructor: &'a Definition) -> usize {
        if let Some(size) = self.constructors.get(&constructor.name) {
            return *size;
        }
        let fields = constructor.fields.iter().map(|field| match &field.ty {
            FieldType::Word => 0,
            FieldType::Conditional { .. } if field.ty.is_flag() => 1,
            FieldType::Plain(ty) => self.value(constructor, ty),
            FieldType::Conditional { ty, .. } => {
                let size = self.value(constructor, ty);
                // Whatever holds a pointer has room to say that there is none.
                if size < 2 * WORD { size.saturating_mul(2) } else { size }
            }
        });
        let size = fields.fold(0_usize, usize::saturating_add).next_multiple_of(WORD);
        self.constructors.insert(&constructor.name, size);
        size
    }

    fn value(&mut self, definition: &'a Definition, ty: &'a Type) -> usize {
        if self.index.is_recursive(definition, ty) {
            return WORD;
        }
        let index = self.index;
        match index.shape(definition, ty) {
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
            Shape::Constructor(constructor) => self.bare(constructor),
            Shape::Boxed(name) => self.boxed(name),
        }
    }
}
