//! From TL names to Rust names.

use alloc::string::String;

use super::Name;

/// The name of a type in TL, and in Rust.
pub(super) type BuiltIn = (&'static str, &'static str);

/// The TL types that are Rust types.
pub(super) static BUILT_IN_VALUES: [BuiltIn; 8] = [
    ("int", "i32"),
    ("long", "i64"),
    ("double", "f64"),
    ("int128", "[u8; 16]"),
    ("int256", "[u8; 32]"),
    ("string", "String"),
    ("bytes", "Bytes"),
    ("Bool", "bool"),
];

/// Names that mean something else in generated code.
static TAKEN_TYPES: [&str; 22] = [
    "As",
    "Bare",
    "BareVectorOf",
    "Bit",
    "BitOf",
    "Box",
    "Boxed",
    "Bytes",
    "Clone",
    "Debug",
    "Heap",
    "Option",
    "PartialEq",
    "Raw",
    "SCHEMA",
    "Self",
    "Shared",
    "SharedOf",
    "String",
    "Vec",
    "VectorOf",
    "Word",
];

/// Modules that every generated text has, and crates and types of Rust that a module of the same
/// name would hide.
static TAKEN_MODULES: [&str; 15] = [
    "alloc",
    "bool",
    "core",
    "enums",
    "f64",
    "functions",
    "i32",
    "i64",
    "odnix_tl",
    "std",
    "str",
    "types",
    "u32",
    "u8",
    "usize",
];

/// Words of the Rust language.
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// `resPQ` is `ResPq`, `server_DH_params_ok` is `ServerDhParamsOk`, `JSONValue` is `JsonValue`.
/// The namespace becomes a module.
pub(super) fn struct_name(name: &Name) -> String {
    let mut camel = camel(&name.ident);
    if TAKEN_TYPES.contains(&camel.as_str()) {
        camel.push('_');
    }
    camel
}

/// `e2e.chain` is `e2e_chain`, `types` is `types_`.
pub(super) fn module_name(namespace: &str) -> String {
    let mut module = field_name(&namespace.replace('.', "_"));
    if TAKEN_MODULES.contains(&module.as_str()) {
        module.push('_');
    }
    module
}

/// The name with its namespace: `messages.sendMessage` is `MessagesSendMessage`, `e2e.chain.x` is
/// `E2eChainX`.
pub(super) fn full_name(name: &Name) -> String {
    let mut full = name.namespace.as_deref().map(camel).unwrap_or_default();
    full.push_str(&struct_name(name));
    full
}

/// The name of a variant of the type `of`: the namespace of that is not said again.
pub(super) fn variant_name(constructor: &Name, of: &Name) -> String {
    if constructor.namespace == of.namespace {
        struct_name(constructor)
    } else {
        full_name(constructor)
    }
}

/// `self` is `self_`, `randomId` is `random_id`.
pub(super) fn field_name(name: &str) -> String {
    let mut snake = String::new();
    let mut after_lower = false;
    for next in name.chars() {
        if next.is_ascii_uppercase() && after_lower {
            snake.push('_');
        }
        after_lower = next.is_ascii_lowercase() || next.is_ascii_digit();
        snake.push(next.to_ascii_lowercase());
    }
    if KEYWORDS.contains(&snake.as_str()) {
        snake.push('_');
    }
    snake
}

/// Each word starts with a capital; a `_` or a dot ends one. A run of capitals is one word, up to
/// the capital that starts the word behind it.
fn camel(name: &str) -> String {
    let mut camel = String::new();
    let is_end = |next: char| next == '_' || next == '.';
    let mut before = '_';
    let mut chars = name.chars().peekable();
    while let Some(next) = chars.next() {
        let starts_word = is_end(before)
            || next.is_ascii_uppercase()
                && (!before.is_ascii_uppercase()
                    || chars.peek().is_some_and(char::is_ascii_lowercase));
        if starts_word {
            camel.push(next.to_ascii_uppercase());
        } else {
            camel.push(next.to_ascii_lowercase());
        }
        before = next;
    }
    camel.retain(|next| !is_end(next));
    camel
}
