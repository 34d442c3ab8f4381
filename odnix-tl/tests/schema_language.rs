//! What a schema can say: the language, its documentation, its warnings.

use std::{env, fs, path::PathBuf};

use odnix_tl::schema::{
    Definition, FieldType, Kind, Options, Schema, WarningKind, format, generate,
};
use proptest::prelude::*;

fn parse(text: &str) -> Schema {
    let print = |errors: Vec<_>| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
    Schema::parse(text).map_err(print).unwrap()
}

fn line<'a>(schema: &'a Schema, name: &str) -> &'a Definition {
    let found = schema.definitions.iter().find(|line| line.name.to_string() == name);
    found.unwrap_or_else(|| panic!("{name}"))
}

/// The warnings of a text, `|` between them.
fn warnings(text: &str) -> String {
    let (_, warnings) = Schema::parse_with_warnings(text).unwrap();
    warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")
}

#[test]
fn a_declared_id_wins() {
    let schema = Schema::parse("ipPortSecret#37982646 ipv4:int port:int secret:bytes = IpPort;");
    let line = &schema.unwrap().definitions[0];
    assert_eq!(line.id(), 0x3798_2646);
    assert_eq!(line.computed_id(), 0x402d_9b47);
}

#[test]
fn computed_ids_are_those_of_public_schemas() {
    let text = "
        true#3fedd339 = True;
        boolFalse#bc799737 = Bool;
        boolTrue#997275b5 = Bool;
        null#56730bcc = Null;
        error#c4b9f9bb code:int text:string = Error;
        inputPeerEmpty#7f3b18ea = InputPeer;
        updatesTooLong#e317af7e = Updates;
        dcOption#18b7a10d flags:# ipv6:flags.0?true media_only:flags.1?true tcpo_only:flags.2?true
            cdn:flags.3?true static:flags.4?true this_port_only:flags.5?true id:int
            ip_address:string port:int secret:flags.10?bytes = DcOption;
        rsa_public_key#7a19cb76 n:string e:string = RSAPublicKey;
        ---functions---
        messages.sendVote#10ea6184 peer:InputPeer msg_id:int options:Vector<bytes> = Updates;
        invokeAfterMsgs#3dc4b4f0 {X:Type} msg_ids:Vector<long> query:!X = X;
    ";
    for line in Schema::parse(text).unwrap().definitions {
        assert_eq!(line.declared_id, Some(line.computed_id()), "{line}");
    }
}

#[test]
fn the_layer_is_a_number_or_not_said() {
    let layer = |text: &str| parse(text).layer;
    assert_eq!(layer("// LAYER 1"), Some(1));
    assert_eq!(layer("a = A; //  LAYER \t007 \r\n"), Some(7));
    assert_eq!(layer("// LAYER 2147483647"), Some(2_147_483_647));
    for comment in ["LAYER cake is good", "LAYER ", "LAYER one", "LAYER +1", "LAYER 7th", "LAYER"] {
        assert_eq!(layer(&format!("// {comment}\na = A;")), None, "{comment}");
    }
}

#[test]
fn documentation_has_no_character_that_rust_forbids_in_comments() {
    let signs = ['\r', '\0', '\u{1b}', '\u{85}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}'];
    for sign in signs {
        let schema = parse(&format!(
            "//@class A @description a{sign}b\n//@description c{sign}d\n//@x e{sign}f\r\na x:int = A;"
        ));
        assert_eq!(schema.type_docs[0].docs, ["a\u{fffd}b"]);
        assert_eq!(schema.definitions[0].docs, ["c\u{fffd}d"]);
        assert_eq!(schema.definitions[0].fields[0].docs, ["e\u{fffd}f"]);
    }
}

#[test]
fn what_a_schema_says() {
    let schema = Schema::parse(include_str!("everything/everything.tl")).unwrap();
    let line = |name: &str| {
        let found = schema.definitions.iter().find(|line| line.name.to_string() == name);
        found.unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(schema.layer, Some(7));
    assert_eq!(line("shape.none").declared_id, Some(5));
    assert_eq!(line("late").kind, Kind::Constructor);
    assert_eq!(line("match.loop").kind, Kind::Function);
    assert_eq!(line("match.loop").type_params, ["X"]);
    assert_eq!(line("everything").docs.len(), 2);
    assert_eq!(line("everything").fields[0].ty, FieldType::Word);
    assert_eq!(line("everything").fields[1].docs, ["a keyword of Rust"]);
    let text = "match.loop#e1fd13bc {X:Type} id:Vector<long> query:!X = X;";
    assert_eq!(line("match.loop").to_string(), text);
    assert_eq!((line("point").position.line, line("point").position.column), (18, 1));
}

#[test]
fn spellings_of_the_same_schema() {
    let plain = parse(
        "n.s.t#0000000a flags:# x:flags.1?vector<n.s.t> y:vector<vector<int>> = n.s.T;
        b#000000ff q:%n.s.T = B;
        ---functions---
        f {X:Type} q:!X = X;
        g = Vector<int>;",
    );
    let odd = parse(
        "\u{feff}// п\u{e9}\r\nn . s . t#A\tflags:#/* x:int; */x:flags . 01 ? (vector n.s.t) // ;\r\n\
        \r\n  y:vector<(vector (int))>=n.s.T;b # fF q:(%(n.s.T))=B;;\r\n\
        --- functions ---// c\r\nf{X : Type}q:! X=X;--- types\t----\t---functions---g=Vector int;/**/",
    );
    let text = |schema: &Schema| -> Vec<String> {
        schema.definitions.iter().map(|line| format!("{:?} {line}", line.kind)).collect()
    };
    assert_eq!(text(&odd), text(&plain));
}

#[test]
fn a_namespace_may_have_dots() {
    let schema = parse("e2e.chain.block#1 x:e2e.chain.Block y:e2e.chain.block = e2e.chain.Block;");
    let block = &schema.definitions[0];
    assert_eq!(block.name.namespace.as_deref(), Some("e2e.chain"));
    assert_eq!(block.name.ident, "block");
    assert_eq!(block.result.name.namespace.as_deref(), Some("e2e.chain"));
    assert_eq!(block.fields[1].ty.value().unwrap().name.to_string(), "e2e.chain.block");
}

fn rust_of(text: &str) -> String {
    let options = Options { crate_path: "odnix_tl", title: "Test", features: false, any: true };
    generate(&parse(text), &options)
}

#[test]
fn a_namespace_with_dots_is_one_module_and_words_of_a_variant() {
    let text = "e2e.chain.x#1 = A; my_e2e.chainLink.yZ#2 = A; ---functions--- e2e.chain.f = A;";
    let rust = rust_of(text);
    for expected in [
        "pub mod e2e_chain {",
        "pub mod my_e2e_chain_link {",
        "        E2eChainX = types::e2e_chain::X,",
        "        MyE2eChainLinkYZ = types::my_e2e_chain_link::YZ,",
        "        E2eChainX(types::e2e_chain::X),",
        "        E2eChainF(functions::e2e_chain::F),",
    ] {
        assert!(rust.contains(&format!("{expected}\n")), "{expected}\n{rust}");
    }
}

#[test]
fn a_struct_is_never_named_like_what_generated_code_imports() {
    let library = include_str!("../src/lib.rs");
    let (_, prelude) = library.split_once("pub mod prelude {").unwrap();
    let (prelude, _) = prelude.split_once("\n}").unwrap();
    let words = prelude.split(|next: char| !next.is_ascii_alphanumeric());
    let imported = words.filter(|word| word.starts_with(|first: char| first.is_ascii_uppercase()));
    let imported: Vec<_> = imported.chain(["SCHEMA", "Option", "Self"]).collect();
    assert!(imported.len() > 15, "{imported:?}");
    for name in imported {
        // `SCHEMA` is the name of `s_c_h_e_m_a`.
        let tl = match name {
            "SCHEMA" => "s_c_h_e_m_a".to_owned(),
            _ => format!("{}{}", name[..1].to_lowercase(), &name[1..]),
        };
        let rust = rust_of(&format!("n.{tl} = A;"));
        assert!(rust.contains(&format!("pub struct {name}_;")), "{name}\n{rust}");
    }
}

#[test]
fn a_module_never_hides_a_crate_or_a_type_of_rust() {
    for taken in [
        "alloc",
        "bool",
        "core",
        "enums",
        "f64",
        "functions",
        "i32",
        "i64",
        "odnix_tl",
        "odnix.tl",
        "odnixTl",
        "std",
        "str",
        "types",
        "u32",
        "u8",
        "usize",
    ] {
        let module = match taken {
            "odnix.tl" | "odnixTl" => "odnix_tl",
            _ => taken,
        };
        let rust = rust_of(&format!("{taken}.x = A;"));
        assert!(rust.contains(&format!("pub mod {module}_ {{")), "{taken}\n{rust}");
    }
}

#[test]
fn parentheses_and_signs_are_part_of_the_type_only() {
    let types = [
        ("(vector int)", "vector<int>", "1:9"),
        ("((int))", "int", "1:10"),
        ("(Vector %A)", "Vector<%A>", "1:9"),
        ("%(A)", "%A", "1:8"),
        ("(%A)", "%A", "1:9"),
        ("%(Vector A)", "%Vector<A>", "1:8"),
        ("vector<(vector<(int)>)>", "vector<vector<int>>", "1:8"),
        ("vector (int)", "", ""),
    ];
    for (spelling, canonical, position) in types {
        let text = format!("a#1 x#: {spelling} = A;").replace("x#", "x");
        let Ok(schema) = Schema::parse(&text) else {
            assert_eq!(canonical, "", "{spelling}");
            continue;
        };
        let ty = schema.definitions[0].fields[0].ty.value().unwrap();
        assert_eq!(ty.to_string(), canonical);
        assert_eq!(ty.position.to_string(), position, "{spelling}");
    }
}

#[test]
fn built_in_types_may_be_declared() {
    let text = "
        int ? = Int; int#a8509bda ? = Int; long ? = Long; double ? = Double; string ? = String;
        bytes = Bytes; bytes ? = Bytes; bytes data:string = Bytes;
        object ? = Object; function ? = Function;
        int128 4*[ int ] = Int128; int128 = Int128; int256 8 * [int] = Int256; int256 = Int256;
        vector {t:Type} # [ t ] = Vector t; vector#1cb5c415 {t:Type} # [ t ] = Vector t;
        vector#1CB5C415 { t : Type } /* of */ # [t] // them
            = Vector t;
        int128.x = A;";
    let schema = parse(text);
    assert_eq!(schema.definitions.len(), 1);
    assert_eq!(schema.definitions[0].name.to_string(), "int128.x");
}

#[test]
fn documentation_is_that_of_the_next_definition() {
    let schema = parse(
        "//@class A @description What it is
        //-in two lines
        //-------------
        //@class n.B
        //@description Only here

        // @description not this: a blank
        //@description Sends @text The text, as @username wrote @text: it @id The id @unknown stays
        //-@param_description A field\u{a0}
        //-of its own
        //@id Another line
        /* //@id nothing */
        ///@redact because
        //------------
        //-not redacted
        a text:string id:int description:int = A;
        //@class n.B @redact no
        b //@x inside
            x:int = n.B; //@description c
        //@description lost
        int ? = Int; //@description lost
        ---types---
        c x:int = C;
        //@class A more",
    );
    let a = line(&schema, "a");
    assert_eq!(a.docs, ["Only here", "Sends"]);
    assert_eq!(a.fields[0].docs, ["The text, as @username wrote @text: it"]);
    assert_eq!(a.fields[1].docs, ["The id @unknown stays", "Another line"]);
    assert_eq!(a.fields[2].docs, ["A field", "of its own"]);
    assert!(a.is_redacted);
    let b = line(&schema, "b");
    assert!(b.docs.is_empty() && !b.is_redacted);
    assert_eq!(b.fields[0].docs, ["inside"]);
    assert_eq!(line(&schema, "c").docs, [""; 0]);
    let types: Vec<_> =
        schema.type_docs.iter().map(|of| (of.name.to_string(), of.docs.join("/"))).collect();
    let expected = [("A", "What it is/in two lines/more"), ("n.B", "@redact no")];
    assert_eq!(types, expected.map(|(name, docs)| (name.into(), docs.into())));
}

#[test]
fn a_tag_in_a_text_is_a_word_of_its_own() {
    let docs = |doc: &str| {
        let schema = parse(&format!("//@description {doc}\na x:int class:int redact:int = A;"));
        let a = &schema.definitions[0];
        let fields = a.fields.iter().map(|field| field.docs.join("/"));
        format!("{}; {}", a.docs.join("/"), fields.collect::<Vec<_>>().join(", "))
    };
    assert_eq!(docs("@x b"), "; b, , ");
    assert_eq!(docs("a@x b"), "a@x b; , , ");
    assert_eq!(docs("a @x, b"), "a @x, b; , , ");
    assert_eq!(docs("a\t@x\tb"), "a; b, , ");
    assert_eq!(docs("a @x"), "a; , , ");
    assert_eq!(docs("a @param_x b"), "a @param_x b; , , ");
    assert_eq!(docs("a @param_class b @param_redact c @description d"), "a/d; , b, c");
    assert_eq!(docs("a @class A @description of A @x is text"), "a; , , ");
    assert_eq!(docs("é @x é @x ü"), "é; é/ü, , ");
}

#[test]
fn what_may_be_a_mistake_is_a_warning() {
    let cases = [
        ("//@description x\na x:int = A;", ""),
        ("a#12ab y:int = A;", "1:3: warning: id of `a`: declared 000012ab, computed c5d16cb5"),
        ("//@y text\na x:int = A;", "1:3: warning: `@y`, but `a` has no such field"),
        ("//@param_y text\na y:int = A;", "1:3: warning: `@param_y`, but `a` has no such field"),
        ("//@ text\na x:int = A;", "1:3: warning: `@`, but `a` has no such field"),
        ("//@\u{1b}[1m\na x:int = A;", "1:3: warning: `@\\u{1b}[1m`, but `a` has no such field"),
        (
            "a = A;\n  //@description text",
            "2:5: warning: `@description`, but no definition follows",
        ),
        ("//@x text\n---types---\na x:int = A;", "1:3: warning: `@x`, but no definition follows"),
        (
            "//@description text\nint ? = Int;",
            "1:3: warning: `@description`, but no definition follows",
        ),
        (
            "//@class\na = A;",
            "1:3: warning: expected the name of a type behind `@class`, found nothing",
        ),
        (
            "//@class a\na = A;",
            "1:3: warning: expected the name of a type behind `@class`, found `a`",
        ),
        (
            "//@class n..A\na = A;",
            "1:3: warning: expected the name of a type behind `@class`, found `n..A`",
        ),
        (
            "//@description \u{e9} @class B\na = A;",
            "1:18: warning: `@class`, but type `B` has no constructor",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(warnings(text), expected, "{text}");
    }
    let text = "//@y text\na#12ab y1:int = A;";
    let (_, both) = Schema::parse_with_warnings(text).unwrap();
    let kinds: Vec<_> = both.iter().map(|warning| (warning.kind, warning.len)).collect();
    assert_eq!(kinds, [(WarningKind::Documentation, 2), (WarningKind::IdMismatch, 4)]);
    let picture = both[1].render("a.tl").to_string();
    let expected = "a.tl:2:3: warning: id of `a`: declared 000012ab, computed 51f9f1e3
  |
2 | a#12ab y1:int = A;
  |   ^^^^";
    assert_eq!(picture, expected);
}

#[test]
fn warnings_of_each_kind_are_bounded() {
    let mut text = "//@y text\n".repeat(150);
    for index in 0..150 {
        text.push_str(&format!("a{index}#{:x} = A;\n", index + 1));
    }
    let (_, warnings) = Schema::parse_with_warnings(&text).unwrap();
    let of = |kind| warnings.iter().filter(|warning| warning.kind == kind).collect::<Vec<_>>();
    for kind in [WarningKind::Documentation, WarningKind::IdMismatch] {
        assert_eq!(of(kind).len(), 101);
        assert_eq!(of(kind)[100].message, "50 more from here on are left out");
    }
}

#[test]
fn ids_are_computed_from_the_words_alone() {
    let id = |text: &str| parse(text).definitions[0].computed_id();
    assert_eq!(id("a x:(vector int) = A;"), crc32fast::hash(b"a x:vector int = A"));
    assert_eq!(id("a x:vector<int> = A;"), crc32fast::hash(b"a x:vector int = A"));
    let words = b"a flags:# y:flags.1?string z:Vector bytes b:n.True = A";
    let text = "a flags:# x:flags.0?true y:flags.1?bytes z:Vector<bytes> b:n.True = A; t = n.True;";
    assert_eq!(id(text), crc32fast::hash(words));
    assert_eq!(id("a x:n.bytes = A; n.bytes = B;"), crc32fast::hash(b"a x:n.bytes = A"));
}

/// Ids that are not computed from their lines, in schemas that are public.
const OTHER_IDS: [&str; 9] = [
    "accessPointRule",
    "help.configSimple",
    "inputPeerPhotoFileLocationLegacy",
    "inputStickerSetThumbLegacy",
    "invokeWithApnsSecretPrefix",
    "invokeWithBusinessConnectionPrefix",
    "invokeWithGooglePlayIntegrityPrefix",
    "invokeWithReCaptchaPrefix",
    "ipPortSecret",
];

/// The schema that ODNIX_PUBLIC_SCHEMA names, else those of a crate that tests beside this
/// package use.
fn public_schemas() -> Vec<PathBuf> {
    if let Some(path) = env::var_os("ODNIX_PUBLIC_SCHEMA") {
        return vec![path.into()];
    }
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let entries = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
    let registries = home.into_iter().flat_map(|home| entries(home.join("registry/src")));
    let crates = registries.flat_map(|registry| entries(registry.path()));
    let crates =
        crates.filter(|name| name.file_name().to_string_lossy().starts_with("grammers-tl-types-"));
    let files =
        crates.flat_map(|of| ["tl/api.tl", "tl/mtproto.tl"].map(|file| of.path().join(file)));
    files.filter(|file| file.exists()).collect()
}

#[test]
fn public_schemas_are_read_with_their_ids() {
    let schemas = public_schemas();
    if schemas.is_empty() {
        println!("skipped: no public schema here; ODNIX_PUBLIC_SCHEMA may name one");
    }
    for path in schemas {
        let text = fs::read_to_string(&path).unwrap();
        let (schema, warnings) = Schema::parse_with_warnings(&text).unwrap_or_else(|errors| {
            panic!("{}", errors[0].render(&path.to_string_lossy()));
        });
        assert!(schema.definitions.len() > 50, "{}", path.display());
        for warning in warnings.iter().filter(|warning| warning.kind == WarningKind::IdMismatch) {
            let name = warning.message.split('`').nth(1).unwrap();
            assert!(OTHER_IDS.contains(&name), "{warning}");
        }
        let canonical = format(&text).unwrap();
        assert_eq!(format(&canonical).unwrap(), canonical);
        let lines = |schema: &Schema| {
            schema.definitions.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(lines(&parse(&canonical)), lines(&schema));
    }
}

/// Texts that are as long as they look, and would be slow if anything were read again and again.
#[test]
fn time_grows_with_the_length_of_the_text_only() {
    let many = 30_000;
    let texts = [
        "a.\n".repeat(many),
        "a x:\n".repeat(many),
        "(".repeat(many),
        format!("a x:{}", "(".repeat(many)),
        format!("a x:{}", "%(".repeat(many)),
        format!("a x:{}", "Vector<".repeat(many)),
        format!("a {}", "{X:Type}".repeat(many)),
        "a = ;".repeat(many),
        "a = A;".repeat(many),
        "/*".repeat(many),
        "---".repeat(many),
        "~ ".repeat(many),
        "//@x\n".repeat(many),
        format!("//@description{}\na x:int = A;", " @x".repeat(many)),
        format!("//@x{}\na x:int = A;", " @class A".repeat(many)),
        format!("a {} = A;", "x:int ".repeat(many)),
        format!("a x:{} = A;", "n.".repeat(many)),
    ];
    for text in texts {
        let _ = Schema::parse_with_warnings(&text);
        let _ = format(&text);
    }
}

proptest! {
    #[test]
    fn documentation_of_any_form_is_read(
        docs in "(//@(description|class A|x|y|redact|é|param_description)?( @x| @y| @class B.C|é|-|\t| a){0,4}\n|//-a @x b\n|// a\n){0,6}"
    ) {
        let (schema, warnings) =
            Schema::parse_with_warnings(&format!("{docs}a x:int description:int = A;")).unwrap();
        prop_assert!(warnings.is_sorted_by_key(|warning| warning.position));
        prop_assert_eq!(schema.definitions.len(), 1);
    }
}
