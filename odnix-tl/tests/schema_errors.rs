//! What the parser says about text that is no schema, and what it takes.

use odnix_tl::schema::{FieldType, Kind, Schema};
use proptest::prelude::*;

fn errors(text: &str) -> String {
    let errors = Schema::parse(text).unwrap_err();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_fault_has_its_place_and_reason() {
    let cases = [
        // Text.
        ("a = A;\n  ~ b = B;", "2:3: unexpected character '~'"),
        ("a = A; /* no end", "1:8: comment without an end"),
        ("// LAYER one\na = A;", "1:1: \"one\" is not the number of a layer"),
        ("---methods---\na = A;", "1:1: unknown section methods"),
        // Lines.
        ("a", "1:2: expected a field or =, found the end of the file"),
        ("a = A", "1:6: expected ;, found the end of the file"),
        ("a = A\nb = B;", "2:1: expected ;, found b"),
        ("a =;", "1:4: expected a type, found ;"),
        ("= A;", "1:1: expected a name, found ="),
        ("1a = A;", "1:1: expected a name, found 1a"),
        ("a. = A;", "1:4: expected a name, found ="),
        ("a#xyz = A;", "1:3: xyz is not a constructor id"),
        ("a#123456789 = A;", "1:3: 123456789 is not a constructor id"),
        ("a# = A;", "1:4: expected a constructor id, found ="),
        ("a x = A;", "1:5: expected :, found ="),
        ("a x: = A;", "1:6: expected a type, found ="),
        ("a x:Vector<int = A;", "1:16: expected >, found ="),
        ("a x:flags.q?int = A;", "1:11: a bit is 0 to 31"),
        ("a flags:# x:flags.32?int = A;", "1:19: a bit is 0 to 31"),
        ("a {X:Int} = A;", "1:6: a type parameter is of type Type"),
        ("a {X} = A;", "1:5: expected :, found }"),
        ("a\n---functions---\nb = A;", "2:1: expected a field or =, found a section"),
        // Meaning.
        ("a = A; a = B;", "1:8: a has the same name in Rust as a"),
        ("ab = A; a_b = A; aB = A;", "1:18: aB has the same name in Rust as a_b"),
        ("a = AB_c; b = AbC;", "1:15: type AbC has the same name in Rust as AB_c"),
        ("a#1 = A; b#1 = B;", "1:10: b has the id 00000001 of a"),
        ("a x:B = A;", "1:5: type B has no constructor"),
        ("a x:b = A;", "1:5: no constructor b"),
        ("a x:Vector<B> = A;", "1:12: type B has no constructor"),
        ("a x:int x:long = A;", "1:9: a second field x of a"),
        ("a x:flags.0?int = A;", "1:3: no field flags:# before x"),
        ("a x:flags.0?int flags:# = A;", "1:3: no field flags:# before x"),
        ("a x:true = A;", "1:5: true must be conditional"),
        ("a x:Object y:int = A;", "1:5: a field of type Object must be the last one"),
        ("a x:Vector<Object> = A;", "1:12: a vector of Object, which has no end"),
        ("a x:Vector = A;", "1:5: type Vector takes an argument"),
        ("a = A; b x:A<int> = B;", "1:12: type A takes no argument"),
        ("a = A; b = A; c x:%A = C;", "1:19: type A has several constructors, so it is never bare"),
        ("a = A; c x:!A = C;", "1:12: !A: only {A:Type} can be called"),
        ("a = a;", "1:5: type a does not start with a capital"),
        ("A = A;", "1:1: A starts with a capital, as only types do"),
        ("a = Vector<int>;", "1:5: Vector<int> is not the type of a"),
        ("---functions---\na = B;", "2:5: type B has no constructor"),
        (
            "---functions---\na {X:Type} x:!X y:int = X;",
            "2:14: a field of type !X must be the last one",
        ),
    ];
    for (text, error) in cases {
        assert_eq!(errors(text), error, "{text}");
    }
}

#[test]
fn all_faults_are_reported_in_their_order() {
    let text = "a x:int x:D = A;\nb ? = B;\nc = C;\nd y:C z:D =\n;\ne#g = E;";
    assert_eq!(
        errors(text),
        "1:9: a second field x of a\n2:3: expected a field or =, found ?\n5:1: expected a type, found ;\n6:3: g is not a constructor id"
    );
}

#[test]
fn a_missing_type_may_be_that_of_a_faulty_line() {
    assert_eq!(errors("a x:B y:C = A;\nb ? = B;"), "2:3: expected a field or =, found ?");
    assert_eq!(
        errors("a x:B y:C = A;\nb = B1;"),
        "1:5: type B has no constructor\n1:9: type C has no constructor"
    );
}

#[test]
fn type_arguments_nest_no_deeper_than_allowed() {
    let nested = |depth| format!("a x:{}int{} = A;", "Vector<".repeat(depth), ">".repeat(depth));
    assert!(Schema::parse(&nested(8)).is_ok());
    assert_eq!(errors(&nested(9)), "1:68: type arguments nest too deeply");
    assert_eq!(errors(&nested(100_000)), "1:68: type arguments nest too deeply");
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
fn functions_may_share_a_declared_id() {
    let text = "e = E;\n---functions---\nprefix#1 a:int = E;\nwhole#1 a:int b:int = E;";
    assert!(Schema::parse(text).is_ok());
    let text = "e#1 = E;\n---functions---\nf#1 = E;";
    assert_eq!(errors(text), "3:1: f has the id 00000001 of e");
}

proptest! {
    #[test]
    fn any_text_is_a_schema_or_has_errors(text in any::<String>()) {
        let _ = Schema::parse(&text);
    }

    #[test]
    fn any_signs_are_a_schema_or_have_errors(
        text in "([aA]|b1|#|:|;|=|<|>|\\{|\\}|!|\\?|%|\\.| |\n|//@a|/\\*|\\*/|---functions---\n|Vector|flags|31|é){0,60}"
    ) {
        if let Err(errors) = Schema::parse(&text) {
            prop_assert!(!errors.is_empty());
            prop_assert!(errors.is_sorted_by_key(|error| error.position));
        }
    }

    #[test]
    fn a_line_reads_as_it_is_written(index in any::<prop::sample::Index>()) {
        let schema = Schema::parse(include_str!("../schema/odnix.tl")).unwrap();
        let line = index.get(&schema.definitions);
        let text = include_str!("../schema/odnix.tl");
        prop_assert!(text.contains(&line.to_string()), "{}", line);
    }
}
