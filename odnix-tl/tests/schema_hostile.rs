//! Schemas that are valid and made to be expensive: the code and the pages about them are as long
//! as they are, within a small call stack.
#![cfg(feature = "serde")]

use std::thread;

use odnix_tl::{
    DecodeError,
    dynamic::Layer,
    schema::{
        JsonSchemaOptions, MarkdownOptions, Options, Schema, generate, json_schema, markdown,
    },
};

/// `line(0)` to `line(len - 1)`, each with the number of the next one, and the `last` line.
fn chain(len: usize, line: impl Fn(usize, usize) -> String, last: &str) -> String {
    let lines: Vec<_> = (0..len).map(|number| line(number, number + 1)).collect();
    format!("{}\n{last}", lines.join("\n"))
}

fn code(schema: &str) -> String {
    let options = Options { crate_path: "odnix_tl", title: "T", features: false, any: true };
    generate(&Schema::parse(schema).unwrap(), &options)
}

fn page(schema: &str) -> String {
    let options = MarkdownOptions { title: "T", intro: "", samples: &[("x:A1", "a1")] };
    markdown(&Schema::parse(schema).unwrap(), &options)
}

fn document(schema: &str) -> String {
    json_schema(&Schema::parse(schema).unwrap(), &JsonSchemaOptions { id: None, title: "T" })
}

/// On the stack of a small thread.
fn with_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(512 << 10).spawn(run).unwrap().join().unwrap()
}

#[test]
fn sizes_that_double_with_each_line_do_not_overflow() {
    for last in ["a70 x:int = A70;", "a70 x:int = A70; b70 x:int = A70;"] {
        let schema = chain(70, |n, next| format!("a{n} x:A{next} y:A{next} = A{n};"), last);
        assert!(code(&schema).contains("pub struct A69 {"));
    }
}

#[test]
fn a_variant_is_on_the_heap_if_what_it_holds_is_large_however_deep() {
    let schema = chain(9, |n, next| format!("a{n} x:A{next} y:A{next} = A{n};"), "a9 x:int = A9;");
    let code =
        code(&format!("{schema} small x:A9 = B; five x:A5 = B; four x:A4 = B; zero x:A0 = B;"));
    for variant in
        ["Small(types::Small)", "Five(types::Five)", "Four[types::Four]", "Zero[types::Zero]"]
    {
        assert!(code.contains(&format!("        {variant},\n")), "{variant}");
    }
}

#[test]
fn long_chains_need_no_call_stack() {
    for end in ["A0", "Vector<A0>", "int"] {
        let last = format!("a3000 x:{end} = A3000;");
        let schema = chain(3000, |n, next| format!("a{n} x:A{next} = A{n};"), &last);
        with_small_stack(move || {
            let code = code(&schema);
            let is_ring = end == "A0";
            assert_eq!(
                code.matches("    pub x: Box<types::").count(),
                if is_ring { 3001 } else { 0 }
            );
            assert!(document(&schema).contains("\"a2999\": {"));
            assert!(page(&schema).contains("`a2999`"));
        });
    }
}

#[test]
fn only_what_leads_back_to_the_same_constructor_is_on_the_heap() {
    let code = code(
        "a x:B = A; aa = A; b x:c = B; bb = B; c x:A y:D l:Vector<A> = C; cc = C; d z:cc = D;
         dd = D; one x:one = One; ---functions---\nf x:A = A;",
    );
    let field = |line: &str, field: &str| {
        let (_, text) = code.split_once(&format!("/// `{line}#")).unwrap();
        let (_, text) = text.split_once(&format!("    pub {field}: ")).unwrap();
        text.split_once(",\n").unwrap().0.to_owned()
    };
    assert_eq!(field("a", "x"), "Box<enums::B>");
    assert_eq!(field("b", "x"), "Box<types::C>");
    assert_eq!(field("c", "x"), "Box<enums::A>");
    assert_eq!(field("c", "y"), "enums::D");
    assert_eq!(field("c", "l"), "Vec<enums::A>");
    assert_eq!(field("d", "z"), "types::Cc");
    assert_eq!(field("one", "x"), "Box<types::One>");
    assert_eq!(field("f", "x"), "enums::A");
}

#[test]
fn an_example_of_too_many_values_is_left_out() {
    let schema =
        chain(16, |n, next| format!("a{n} x:A{next} y:A{next} = A{n};"), "a16 x:int = A16;");
    let page = page(&schema);
    let has_example = |name: &str| {
        let (_, section) = page.split_once(&format!("##### Constructor `{name}`\n")).unwrap();
        section.split("\n#").next().unwrap().contains("```json")
    };
    // 2 values at the second level, 4 at the third, … and 64 integers: 190 in all.
    assert!(has_example("a16") && has_example("a10"));
    assert!(!has_example("a9") && !has_example("a0"));
}

#[test]
fn an_example_is_as_long_as_it_may_be() {
    let wide = |fields: usize| {
        let fields: String = (0..fields).map(|number| format!(" x{number}:int")).collect();
        page(&format!("a{fields} = A;")).contains("```json")
    };
    assert!(wide(200) && !wide(201));
}

/// The generated codec and the dynamic one refuse a vector by the same length of its items.
#[test]
fn generated_code_and_layer_have_the_same_shortest_lengths() {
    let line = |n, next| format!("a{n} x:A{next} = A{n}; b{n} x:A{next} y:A{next} = A{n};");
    let chain = chain(9, line, "a9 x:int = A9; b9 x:long = A9;");
    let vectors =
        (0..10).map(|n| format!("v{n} of:vector<a{n}> = V{n}; w{n} of:vector<A{n}> = W{n};"));
    let schema = format!("{chain}\n{}", vectors.collect::<Vec<_>>().join("\n"));
    let code = code(&schema);
    let number = |before: &str, after: char| -> usize {
        let (_, rest) = code.split_once(before).expect(before);
        rest.split_once(after).unwrap().0.parse().unwrap()
    };
    let parsed = Schema::parse(&schema).unwrap();
    let layer = Layer::new(&parsed);
    let id = |name: &str| parsed.definitions.iter().find(|of| of.name.is(name)).unwrap().id();
    // The least number of bytes behind the count 1 with which the layer looks at the items.
    let of_layer = |name: &str| {
        let refuses = |len: &usize| {
            let mut bytes = [id(name), 1].map(u32::to_le_bytes).concat();
            bytes.resize(8 + len, 0);
            let read = layer.decode(bytes.into());
            read.is_err_and(|error| matches!(error.error, DecodeError::VectorTooLong { .. }))
        };
        (0..).find(|len| !refuses(len)).unwrap()
    };
    for n in 0..10 {
        let bare = number(&format!("A{n} = \"a{n}\" 0x{:08x}, ", id(&format!("a{n}"))), ';');
        let boxed = number(&format!("pub enum A{n} = \"A{n}\", "), ' ');
        assert_eq!(boxed, bare + 4);
        assert_eq!([of_layer(&format!("v{n}")), of_layer(&format!("w{n}"))], [bare, boxed]);
    }
}

#[test]
fn documentation_in_code_is_shown_as_it_is() {
    let docs = [
        ("```", "\\`\\`\\`"),
        ("~~~ rust", "\\~\\~\\~ rust"),
        ("# not a heading", "\\# not a heading"),
        ("- no item", "\\- no item"),
        ("+ no item", "\\+ no item"),
        ("12. no item", "12\\. no item"),
        ("=== ", "\\==="),
        ("*a* _b_ c_d __e__", "\\*a\\* \\_b\\_ c_d \\_\\_e\\_\\_"),
        ("[a](b) <c> &amp; \\ | $x$", "\\[a\\](b) \\<c\\> \\&amp; \\\\ \\| \\$x\\$"),
        ("one\u{b}line", "one\u{fffd}line"),
    ];
    for (text, shown) in docs {
        let code = code(&format!(
            "//@class A @description {text}\n//@description {text}\n//@x {text}\na x:int = A; b = A;"
        ));
        let expected = format!("/// {shown}\n");
        assert_eq!(code.matches(&expected).count(), 3, "{expected}{code}");
    }
}
