//! The canonical text of a schema: what it looks like, that it means the same, and that it is
//! its own canonical text.

use odnix_tl::schema::{Definition, FieldType, Position, Schema, Type, format};
use proptest::prelude::*;

#[test]
fn texts_have_this_form() {
    let cases = [
        // Blanks, ids, bits.
        ("", ""),
        (" \n\t\r\n", ""),
        ("\u{feff}a=A;", "a = A;\n"),
        ("a#F=A;", "a#0000000f = A;\n"),
        (
            "a . b # 1A2b {X:Type}{ Y : Type } flags:# x : flags . 007 ? int\r\n y:!X\r\n= b . A ;",
            "a.b#00001a2b {X:Type} {Y:Type} flags:# x:flags.7?int y:!X = b.A;\n",
        ),
        ("a x:f.00?int=A;", "a x:f.0?int = A;\n"),
        // Arguments without angle brackets.
        ("a x:(vector int) = A;", "a x:vector<int> = A;\n"),
        ("a x:(Vector %b.T) = A;", "a x:Vector<%b.T> = A;\n"),
        ("a x:%(Vector ((vector (T)))) = A;", "a x:%Vector<vector<T>> = A;\n"),
        ("a x:vector<(vector (int))> = A;", "a x:vector<vector<int>> = A;\n"),
        ("a f:# x:f.1?(vector int) = A;", "a f:# x:f.1?vector<int> = A;\n"),
        ("f = Vector t; g = (Vector) (t);", "f = Vector<t>;\ng = Vector<t>;\n"),
        // Built-in types.
        ("int?=Int;", "int ? = Int;\n"),
        ("bytes data : string = Bytes;", "bytes data:string = Bytes;\n"),
        ("int128 4 * [int] = Int128;", "int128 4*[ int ] = Int128;\n"),
        (
            "vector#1CB5C415{ t:Type }#[t]=Vector t;",
            "vector#1cb5c415 {t:Type} # [ t ] = Vector t;\n",
        ),
        // Lines and sections.
        ("a = A; b = B;\n\n\n\nc = C;", "a = A;\nb = B;\n\nc = C;\n"),
        ("\n\n;;a = A;;\n;\n;b = B;;", "a = A;\n\nb = B;\n"),
        (
            "a = A;---types---\n---  functions\t---b = B;",
            "a = A;\n\n---types---\n\n---functions---\n\nb = B;\n",
        ),
    ];
    for (text, canonical) in cases {
        assert_eq!(format(text).unwrap(), canonical, "{text:?}");
    }
}

#[test]
fn comments_stay_where_they_are() {
    let cases = [
        ("//  a  \r\n\n\n//b", "//  a\n\n//b\n"),
        ("a = A; // of a\n// of b\nb = B;", "a = A; // of a\n// of b\nb = B;\n"),
        ("a = A;// of a\n\n\n// of b\n\nb = B;", "a = A; // of a\n\n// of b\n\nb = B;\n"),
        ("/* 1 */  /* 2 */a = A;/* 3 */b = B;", "/* 1 */ /* 2 */ a = A; /* 3 */\nb = B;\n"),
        ("a = A; /* 1  \r\n   2 */ b = B;", "a = A; /* 1\n   2 */\nb = B;\n"),
        ("/* 1 */---types---// 2\na = A;", "/* 1 */\n\n---types--- // 2\n\na = A;\n"),
        ("---types---/* 1\n */a = A;", "---types--- /* 1\n */\n\na = A;\n"),
        ("// 1\n---types---\n// 2\na = A;", "// 1\n\n---types---\n\n// 2\na = A;\n"),
        // Inside of a definition.
        ("a/*1*/x/*2*/:int/*3*/=A/*4*/;", "a /*1*/ x /*2*/ :int /*3*/ = A /*4*/ ;\n"),
        ("a // 1\n  x:int // 2\n= A;", "a // 1\n    x:int // 2\n    = A;\n"),
        ("a\n// 1\n\n// 2\nx:int = A;", "a\n    // 1\n    // 2\n    x:int = A;\n"),
        ("a /* 1 */ // 2\n/* 3 */ x:int = A;", "a /* 1 */ // 2\n    /* 3 */ x:int = A;\n"),
        ("a /* 1 */\n// 2\nx:int = A;", "a /* 1 */\n    // 2\n    x:int = A;\n"),
        (
            "a x:/*1*/(/*2*/vector/*3*/(int/*4*/)/*5*/) = A;",
            "a x: /*1*/ /*2*/ vector< /*3*/ int /*4*/ > /*5*/ = A;\n",
        ),
        ("a x:(vector (int // 1\n)) = A;", "a x:vector<int // 1\n    > = A;\n"),
        ("int /* 1 */ ? = Int;", "int /* 1 */ ? = Int;\n"),
        ("a#/* 1 */F = A;", "a# /* 1 */ 0000000f = A;\n"),
    ];
    for (text, canonical) in cases {
        assert_eq!(format(text).unwrap(), canonical, "{text:?}");
        assert_eq!(format(canonical).unwrap(), canonical, "{text:?}");
    }
}

#[test]
fn only_faults_of_the_syntax_matter() {
    assert_eq!(format("a x:Missing = A;a = A;").unwrap(), "a x:Missing = A;\na = A;\n");
    let errors = format("a x:Missing = A;\nb = ;\n// LAYER 0").unwrap_err();
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors[0], "2:5: expected a type, found `;`");
    assert_eq!(errors.len(), 2);
}

#[test]
fn the_schemas_of_this_package_are_in_their_form() {
    for text in [include_str!("../schema/mtproto.tl"), include_str!("../schema/odnix.tl")] {
        assert_eq!(format(text).unwrap(), text);
    }
    check(include_str!("everything/everything.tl")).unwrap();
}

/// What is true of every text whose syntax is right.
fn check(text: &str) -> Result<(), TestCaseError> {
    let Ok(canonical) = format(text) else { return Ok(()) };
    prop_assert_eq!(format(&canonical).unwrap(), canonical.as_str(), "of {:?}", text);
    prop_assert!(canonical.is_empty() || canonical.ends_with('\n'));
    prop_assert!(!canonical.starts_with('\n') && !canonical.ends_with("\n\n"));
    prop_assert!(!canonical.contains("\n\n\n") && !canonical.contains(" \n"));
    let marks = |text: &str| -> Vec<String> {
        text.split('«')
            .skip(1)
            .map(|rest| rest.chars().take_while(|next| *next != '»').collect())
            .collect()
    };
    prop_assert_eq!(marks(&canonical), marks(text), "comments of {:?}", text);
    match (Schema::parse(text), Schema::parse(&canonical)) {
        (Ok(before), Ok(after)) => {
            prop_assert_eq!(without_positions(after), without_positions(before), "of {:?}", text);
        }
        (before, after) => prop_assert_eq!(after.is_ok(), before.is_ok(), "of {:?}", text),
    }
    Ok(())
}

fn without_positions(mut schema: Schema) -> Schema {
    fn clear(ty: &mut Type) {
        ty.position = Position::default();
        ty.argument.iter_mut().for_each(|argument| clear(argument));
    }
    for Definition { position, fields, result, .. } in &mut schema.definitions {
        *position = Position::default();
        clear(result);
        for field in fields {
            field.position = Position::default();
            if let FieldType::Plain(ty) | FieldType::Conditional { ty, .. } = &mut field.ty {
                clear(ty);
            }
        }
    }
    schema
}

/// A type in one of its spellings, as tokens.
fn ty() -> impl Strategy<Value = Vec<String>> {
    let leaf = prop::sample::select(&["int", "bytes", "% T", "T", "t", "n . s . U", "Bool"][..]);
    let leaf = leaf.prop_map(|text| text.split(' ').map(String::from).collect::<Vec<_>>());
    leaf.prop_recursive(3, 8, 1, |inner| {
        let vector = prop::sample::select(&["vector", "Vector"][..]);
        (inner, vector, 0..4_u8).prop_map(|(inner, vector, spelling)| {
            let around = |before: &[&str], behind: &[&str]| {
                let words = |words: &[&str]| {
                    words.iter().map(|word| String::from(*word)).collect::<Vec<_>>()
                };
                [words(before), inner.clone(), words(behind)].concat()
            };
            match spelling {
                0 => around(&["(", vector], &[")"]),
                1 => around(&["(", vector, "("], &[")", ")"]),
                2 => around(&["(", "("], &[")", ")"]),
                _ => around(&[vector, "<"], &[">"]),
            }
        })
    })
}

/// A definition that the types of `PRELUDE` are enough for, as tokens.
fn definition() -> impl Strategy<Value = Vec<String>> {
    let field = (ty(), prop::option::of(0..32_u32));
    (prop::option::of(1..u32::MAX), prop::collection::vec(field, 0..4)).prop_map(|(id, fields)| {
        let mut tokens = vec![String::from("name")];
        if let Some(id) = id {
            tokens.extend([String::from("#"), format!("{id:X}")]);
        }
        tokens.extend(["flags", ":", "#"].map(String::from));
        for (index, (ty, bit)) in fields.into_iter().enumerate() {
            tokens.extend([format!("x{index}"), String::from(":")]);
            if let Some(bit) = bit {
                tokens.extend(["flags", ".", &format!("0{bit}"), "?"].map(String::from));
            }
            tokens.extend(ty);
        }
        tokens.extend(["=", "A", ";"].map(String::from));
        tokens
    })
}

const PRELUDE: &str = "a = A; t = T; n.s.u = n.s.U;";

/// What may stand between two tokens; `?` becomes a number.
const BETWEEN: [&str; 16] = [
    "",
    "",
    "",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\n\n\n",
    "/*«?»*/",
    " /* «?»\r\n * b */ ",
    "//«?»\n",
    "\n  // «?» \n",
    " //@description «?» @x0 of x0\n",
    "//-«?»\n",
    "//@redact «?»\n",
];

/// What may stand between two definitions, too.
const STATEMENTS: [&str; 8] = [
    ";",
    "---functions---",
    "--- types ---",
    "int ? = Int;",
    "int256 8*[int]=Int256;",
    "//@class T «?» @description «?»\n",
    "// LAYER 7\n",
    "\n",
];

fn text() -> impl Strategy<Value = String> {
    let between = || prop::sample::select(&BETWEEN[..]);
    let statement = prop_oneof![
        definition(),
        prop::sample::select(&STATEMENTS[..]).prop_map(|text| vec![String::from(text)]),
    ];
    let statements = prop::collection::vec(statement, 0..6);
    (statements, prop::collection::vec(between(), 1..40)).prop_map(|(statements, between)| {
        let mut text = String::from(PRELUDE);
        let mut between = between.into_iter().cycle();
        let mut names = 0;
        for token in statements.into_iter().flatten() {
            let separator = between.next().unwrap_or(" ");
            text.push_str(separator);
            let is_word = |next: char| next.is_ascii_alphanumeric() || next == '_';
            if text.ends_with(is_word) && token.starts_with(is_word) || text.ends_with('-') {
                text.push(' ');
            }
            if token == "name" {
                names += 1;
                text.push_str(&format!("name{names}"));
            } else {
                text.push_str(&token);
            }
        }
        numbered(&text)
    })
}

/// With a number for each `?` of a comment.
fn numbered(text: &str) -> String {
    let parts = text.split("«?»").enumerate();
    parts
        .map(|(index, part)| if index == 0 { part.into() } else { format!("«{index}»{part}") })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn schemas_mean_the_same_in_their_form(text in text()) {
        prop_assert!(format(&text).is_ok(), "{:?}: {:?}", text, format(&text));
        check(&text)?;
    }

    #[test]
    fn a_soup_of_tokens_means_the_same_in_its_form(text in soup()) {
        check(&numbered(&text))?;
    }
}

/// Parts in an order that is right now and then, with anything between.
fn soup() -> impl Strategy<Value = String> {
    let between = "( |\n|\t|\r\n| /\\*«\\?»\\*/ |//«\\?»\n|\n\n\n//@(x|y|class A|redact) «\\?» @y @b\n|//-«\\?»\n){0,2}";
    let noise = "(\\(|\\)|<|>|%|!|#|:|\\?|\\.|;|é|-|1|\\[|\\*|word){0,1}";
    let parts = prop_oneof![
        6 => "(a|b|c|n\\.d|n\\.s\\.e) ?(#[0-9A-Fa-f]{1,9})?",
        6 => " ?(x|y|z):(int|# ?|\\(vector int\\)|vector<\\(\\(%?A\\)\\)>|A|bytes)?",
        2 => " flags:# (u|v):flags\\.0?[0-9]\\?(true|\\(vector bytes\\))",
        2 => "\\{X:Type\\} ",
        6 => " ?= ?(A|B|n\\.s\\.C|Vector int|Vector<A>);",
        1 => "(---functions---|--- types ---|;|int ?\\? = Int;|// LAYER 5\n)",
        1 => "",
    ];
    let noise = prop_oneof![30 => Just(String::new()), 1 => noise];
    let statement = prop::collection::vec((parts, between, noise), 0..9);
    let definition =
        ("[a-e]", between, " x:(vector<int>|\\(Vector %A\\))|", between, " ?= ?A", between)
            .prop_map(|(name, one, field, two, result, three)| {
                format!("{name}{one}{field}{two}{result}{three};")
            });
    (definition, statement).prop_map(|(definition, parts)| {
        let parts: String =
            parts.into_iter().map(|(one, two, three)| one + &two + &three).collect();
        definition + &parts
    })
}
