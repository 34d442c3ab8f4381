//! What the parser says about text that is no schema, and what it takes.

use odnix_tl::schema::Schema;
use proptest::prelude::*;

fn errors(text: &str) -> String {
    let errors = Schema::parse(text).unwrap_err();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Texts with their errors, `|` between those.
fn check(cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let found = errors(text).replace('\n', "|");
        if found != *expected {
            wrong.push(format!("{text:?}\n  {found}\n  {expected}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn each_fault_of_the_text_has_its_place_and_reason() {
    let cases = [
        ("a = A;\n  ~ b = B;", "2:3: unexpected character `~`"),
        (
            "a = A; é/*é*/ 'имя' b = B;",
            "1:8: unexpected character `é`|1:15: unexpected characters `'имя'`",
        ),
        (
            "a = A; \u{202e}\u{0}/",
            "1:8: unexpected characters `\\u{202e}\\0`|1:10: unexpected character `/`",
        ),
        ("~~~~~~~~~", "1:1: unexpected characters `~~~~~~~~~`"),
        ("a = A; \u{feff}", "1:8: unexpected character `\\u{feff}`"),
        ("a - = A;", "1:3: unexpected character `-`"),
        ("a x:$int y:~ = A;", "1:5: unexpected character `$`|1:12: unexpected character `~`"),
        ("a = A; /* no end", "1:8: expected `*/` behind `/*`, found none"),
        ("a /* no end = A;", "1:3: expected `*/` behind `/*`, found none"),
        (
            "// LAYER 0",
            "1:1: expected the number of the layer, 1 to 2147483647, behind `LAYER`, found `0`",
        ),
        (
            "a = A; // LAYER 2147483648",
            "1:8: expected the number of the layer, 1 to 2147483647, behind `LAYER`, found `2147483648`",
        ),
        (
            "// LAYER 3 cakes",
            "1:1: expected the number of the layer, 1 to 2147483647, behind `LAYER`, found `3 cakes`",
        ),
        ("// LAYER 1\n// LAYER 1\n// LAYER 2", "3:1: layer 2, but it is 1 at 2:1"),
        (
            "---methods---\na = A;",
            "1:1: expected `---functions---` or `---types---`, found the section `methods`",
        ),
        ("--- functions\na = A;", "1:1: expected `---functions---` or `---types---`"),
        ("---a b---\na = A;", "1:1: expected `---functions---` or `---types---`"),
        ("--------\na = A;", "1:1: expected `---functions---` or `---types---`"),
    ];
    check(&cases);
}

#[test]
fn each_fault_of_a_line_has_its_place_and_reason() {
    let cases = [
        ("a", "1:2: expected a field or `=`, found the end of the file"),
        ("a = A", "1:6: expected `;`, found the end of the file"),
        ("a = A\nb = B;", "2:1: expected `;`, found `b`"),
        ("a =;", "1:4: expected a type, found `;`"),
        ("= A;", "1:1: expected the name of a definition, found `=`"),
        ("1a = A;", "1:1: expected the name of a definition, found `1a`"),
        ("_ = A;", "1:1: the name `_` starts with `_`, as none may"),
        ("_1 = A;", "1:1: the name `_1` starts with `_`, as none may"),
        ("_word = A;", "1:1: the name `_word` starts with `_`, as none may"),
        (
            "a = _A;",
            "1:5: the name `_A` starts with `_`, as none may|1:5: type `_A` does not start with a capital",
        ),
        ("n._m.a = A;", "1:3: the name `_m` starts with `_`, as none may"),
        ("n.__ = A;", "1:3: the name `__` starts with `_`, as none may"),
        ("a _:int = A;", "1:3: the name `_` starts with `_`, as none may"),
        ("a _:# x:_.0?int = A;", "1:3: the name `_` starts with `_`, as none may"),
        (
            "---functions---\na {_X:Type} = _X;",
            "2:4: the name `_X` starts with `_`, as none may|2:15: the name `_X` starts with `_`, as none may",
        ),
        ("a. = A;", "1:4: expected a name behind the dot, found `=`"),
        ("a.b.1 = A;", "1:5: expected a name behind the dot, found `1`"),
        ("a#xyz = A;", "1:3: expected an id of one to eight hexadecimal digits, found `xyz`"),
        (
            "a#000000001 = A;",
            "1:3: expected an id of one to eight hexadecimal digits, found `000000001`",
        ),
        ("a# = A;", "1:4: expected an id of one to eight hexadecimal digits, found `=`"),
        (
            "a#---ab--- = A;",
            "1:3: expected an id of one to eight hexadecimal digits, found the section `ab`|1:3: expected `---functions---` or `---types---`, found the section `ab`|1:12: expected the name of a definition, found `=`",
        ),
        ("a x = A;", "1:5: expected `:` and a type behind `x`, found `=`"),
        ("a x: = A;", "1:6: expected a type, found `=`"),
        ("a # = A;", "1:5: expected an id of one to eight hexadecimal digits, found `=`"),
        ("a x:int # = A;", "1:9: expected a field or `=`, found `#`"),
        ("a x:Vector<int = A;", "1:16: expected `>`, found `=`"),
        ("a x:Map<int, int> = A;", "1:12: expected `>`, found `,`: a type has one argument"),
        ("a x:(vector int = A;", "1:17: expected `)`, found `=`"),
        ("a x:(vector int int) = A;", "1:17: expected `)`, found `int`"),
        ("a x:(vector<int> int) = A;", "1:18: expected `)`, found `int`"),
        ("a x:() = A;", "1:6: expected a type, found `)`"),
        (
            "a x:%(%A) = A;",
            "1:7: expected a type without a sign, as the parenthesis has one, found `%`",
        ),
        (
            "a x:!((!A)) = A;",
            "1:8: expected a type without a sign, as the parenthesis has one, found `!`",
        ),
        ("a x:vector int = A;", "1:16: expected `:` and a type behind `int`, found `=`"),
        ("a flags:# x:flags.q?int = A;", "1:19: expected a bit, which is 0 to 31, found `q`"),
        ("a flags:# x:flags.32?int = A;", "1:19: expected a bit, which is 0 to 31, found `32`"),
        ("a flags:# x:flags.0int = A;", "1:19: expected a bit, which is 0 to 31, found `0int`"),
        (
            "a flags:# x:flags.;?int = A;",
            "1:19: expected a bit, which is 0 to 31, found `;`|1:20: expected the name of a definition, found `?`",
        ),
        (
            "a flags:# x:flags.1 y:int = A;",
            "1:21: expected `?` and a type behind `flags.1`, found `y`",
        ),
        ("a flags:# x:flags?int = A;", "1:18: expected `.` and a bit behind `flags`, found `?`"),
        ("a flags:# x:flags.1?# = A;", "1:21: expected a type, found `#`"),
        (
            "a {X:Int} = A;",
            "1:6: expected `Type`, which a type parameter always is of, found `Int`",
        ),
        ("a {X} = A;", "1:5: expected `:`, found `}`"),
        ("a {} = A;", "1:4: expected the name of a type parameter, found `}`"),
        ("a {X:Type = A;", "1:11: expected `}`, found `=`"),
        ("---functions---\na {X:Type} {X:Type} x:!X = X;", "2:13: a second type parameter `X`"),
        (
            "---functions---\nf {t:Type} q:!t = t;",
            "2:4: type parameter `t` does not start with a capital",
        ),
        ("a x:int {X:Type} = A;", "1:9: expected a field or `=`, found `{`"),
        (
            "a\n---functions---\nb = B;",
            "2:1: expected a field or `=`, found the section `functions`",
        ),
        (
            "a # [ int ] = A;",
            "1:3: a repetition is only for the declaration of a built-in type: use `vector<T>`",
        ),
        (
            "a [ int ] = A;",
            "1:3: a repetition is only for the declaration of a built-in type: use `vector<T>`",
        ),
        (
            "a 4*[ int ] = A;",
            "1:3: a repetition is only for the declaration of a built-in type: use `vector<T>`",
        ),
        (
            "a x:int # [ int ] = A;",
            "1:9: a repetition is only for the declaration of a built-in type: use `vector<T>`",
        ),
        (
            "a * = A;",
            "1:3: a repetition is only for the declaration of a built-in type: use `vector<T>`",
        ),
        ("a x:[ int ] = A;", "1:5: expected a type, found `[`"),
        (
            "a ? = A;",
            "1:3: expected a field or `=`, found `?`, which is only for the declaration of a built-in type",
        ),
    ];
    check(&cases);
}

#[test]
fn each_fault_of_a_built_in_type_has_its_place_and_reason() {
    let cases = [
        (
            "int x:int = Int;",
            "1:5: expected `?`, found `x`: the declaration of this built-in type is `int ? = Int;`",
        ),
        (
            "int ? = Long;",
            "1:9: expected `Int`, found `Long`: the declaration of this built-in type is `int ? = Int;`",
        ),
        (
            "int ? = Int",
            "1:12: expected `;`, found the end of the file: the declaration of this built-in type is `int ? = Int;`",
        ),
        ("int#1 ? = Int;", "1:5: the id of `int` is a8509bda"),
        ("int#x ? = Int;", "1:5: expected an id of one to eight hexadecimal digits, found `x`"),
        (
            "bytes data:int = Bytes;",
            "1:12: expected `string`, found `int`: the declaration of this built-in type is `bytes data:string = Bytes;`",
        ),
        (
            "bytes x = Bytes;",
            "1:7: expected `?`, found `x`: the declaration of this built-in type is `bytes ? = Bytes;`",
        ),
        (
            "int128 3*[ int ] = Int128;",
            "1:8: expected `4`, found `3`: the declaration of this built-in type is `int128 4*[ int ] = Int128;`",
        ),
        (
            "int256 8*[ long ] = Int256;",
            "1:12: expected `int`, found `long`: the declaration of this built-in type is `int256 8*[ int ] = Int256;`",
        ),
        (
            "vector {t:Type} # [ ---t---",
            "1:21: expected `t`, found the section `t`: the declaration of this built-in type is `vector {t:Type} # [ t ] = Vector t;`|1:21: expected `---functions---` or `---types---`, found the section `t`",
        ),
        ("vector#1cb5c416 {t:Type} # [ t ] = Vector t;", "1:8: the id of `vector` is 1cb5c415"),
        (
            "int512 16*[ int ] = Int512;",
            "1:8: a repetition is only for the declaration of a built-in type: use `vector<T>`",
        ),
    ];
    check(&cases);
}

#[test]
fn each_fault_of_the_meaning_has_its_place_and_reason() {
    let cases = [
        ("a = A; a = B;", "1:8: `a` is defined at 1:1 already"),
        ("a#1 = A; a#1 = A;", "1:10: `a` is defined at 1:1 already"),
        ("ab = A; a_b = A; aB = A;", "1:18: `aB` has the same name in Rust as `a_b` at 1:9"),
        ("a.bC = A; aB.c = A;", "1:11: `aB.c` has the same name in Rust as `a.bC` at 1:1"),
        ("a = AB_c; b = AbC;", "1:15: type `AbC` has the same name in Rust as `AB_c` at 1:5"),
        (
            "a_b.x = A; aB.y = A; aB.z = A;",
            "1:12: namespace `aB` has the same name in Rust as `a_b` at 1:1",
        ),
        (
            "types.x = A; types_.z = A;",
            "1:14: namespace `types_` has the same name in Rust as `types` at 1:1",
        ),
        (
            "a = e2e.chain.A;\n---functions---\ne2e_chain.b = e2e.chain.A;",
            "3:1: namespace `e2e_chain` has the same name in Rust as `e2e.chain` at 1:5",
        ),
        ("x = a_b.A; y = aB.B;", "1:16: namespace `aB` has the same name in Rust as `a_b` at 1:5"),
        (
            "n.a#1 = n.T; a#2 = n.T;",
            "1:14: `a` has the same name in Rust as `n.a` at 1:1, as both are of type `n.T`",
        ),
        (
            "nA#1 = T; m.a#2 = n.T; n.m_a#3 = n.T;",
            "1:24: `n.m_a` has the same name in Rust as `m.a` at 1:11, as both are of type `n.T`",
        ),
        ("a#1 = A; b#1 = B;", "1:10: `b` has the id 00000001 of `a` at 1:1"),
        ("a x:B = A;", "1:5: type `B` has no constructor"),
        ("a x:b = A;", "1:5: no constructor `b`"),
        ("a x:e2e.chain.B = A;", "1:5: type `e2e.chain.B` has no constructor"),
        ("a x:Vector<B> = A;", "1:12: type `B` has no constructor"),
        ("a x:(vector B) = A;", "1:13: type `B` has no constructor"),
        ("a x:Int = A;", "1:5: type `Int` has no constructor; did you mean `int`?"),
        ("a x:bool = A;", "1:5: no constructor `bool`; did you mean `Bool`?"),
        (
            "a x:User = A; user = n.User;",
            "1:5: type `User` has no constructor; did you mean `user`?",
        ),
        ("a x:user = A; bot = User;", "1:5: no constructor `user`; did you mean `User`?"),
        ("a x:int x:long = A;", "1:9: a second field `x` of `a`"),
        ("a a:# b:# c:# d:# e:# = A;", "1:19: more than 4 fields of type `#`"),
        ("a xY:int x_y:int = A;", "1:10: `x_y` has the same name in Rust as `xY` at 1:3"),
        ("a x:flags.0?int = A;", "1:3: no field `flags:#` before `x`"),
        ("a x:flags.0?int flags:# = A;", "1:3: no field `flags:#` before `x`"),
        ("a flags:int x:flags.0?int = A;", "1:13: no field `flags:#` before `x`"),
        ("a x:true = A;", "1:5: `true` is only for conditional fields: `flags.0?true`"),
        ("a x:%true = A;", "1:5: `true` is bare already, so it has no `%`"),
        ("a f:# x:f.0?true<Nope> = A;", "1:13: type `true` takes no argument"),
        ("a f:# x:f.1?!true = A;", "1:13: `!true` is a call, but `a` has no `{true:Type}`"),
        ("a f:# x:f.2?%true = A;", "1:13: `true` is bare already, so it has no `%`"),
        (
            "true = True; a x:True = A;",
            "1:18: `True` has no values: use `Bool`, or `true` in a conditional field",
        ),
        (
            "yes = True; a x:Vector<yes> = A;",
            "1:24: `yes` has no values: use `Bool`, or `true` in a conditional field",
        ),
        (
            "null = Null; a f:# x:f.0?%Null = A;",
            "1:26: `Null` has no values: use `Bool`, or `true` in a conditional field",
        ),
        (
            "a x:boolTrue y:boolFalse = A;",
            "1:5: `boolTrue` has no values: use `Bool`, or `true` in a conditional field|1:16: `boolFalse` has no values: use `Bool`, or `true` in a conditional field",
        ),
        (
            "true = True;\n---functions---\nf = True;\ng = Null;\nh = true;",
            "3:5: `True` has no values: use `Bool`, or `true` in a conditional field|4:5: `Null` has no values: use `Bool`, or `true` in a conditional field|5:5: `true` is only for conditional fields: `flags.0?true`",
        ),
        ("a x:Object y:int = A;", "1:5: a field of type `Object` must be the last one"),
        ("a x:Vector<Object> = A;", "1:12: a vector of `Object`, which has no end"),
        ("a x:Vector = A;", "1:5: type `Vector` takes an argument: `Vector<T>`"),
        ("a x:vector = A;", "1:5: type `vector` takes an argument: `vector<T>`"),
        ("a = A; b x:A<int> = B;", "1:12: type `A` takes no argument"),
        (
            "a = A; b = A; c x:%A = C;",
            "1:19: type `A` has several constructors, so it is never bare",
        ),
        ("a x:%Bool = A;", "1:5: type `Bool` has several constructors, so it is never bare"),
        ("a = A; c x:!A = C;", "1:12: `!A` is a call, but `c` has no `{A:Type}`"),
        ("a = a;", "1:5: type `a` does not start with a capital"),
        ("A = A;", "1:1: `A` starts with a capital, as only types do"),
        ("a = Vector<int>;", "1:5: expected the name of the type of `a`, found `Vector<int>`"),
        ("a = Vector int;", "1:5: expected the name of the type of `a`, found `Vector<int>`"),
        ("a = %A;", "1:5: expected the name of the type of `a`, found `%A`"),
        ("a = !A;", "1:5: expected the name of the type of `a`, found `!A`"),
        (
            "maybe = Bool;",
            "1:1: only `boolFalse#bc799737` and `boolTrue#997275b5`, without fields, are of type `Bool`",
        ),
        (
            "boolTrue#1 = Bool;",
            "1:1: only `boolFalse#bc799737` and `boolTrue#997275b5`, without fields, are of type `Bool`",
        ),
        (
            "boolTrue#997275b5 x:int = Bool;",
            "1:1: only `boolFalse#bc799737` and `boolTrue#997275b5`, without fields, are of type `Bool`",
        ),
        ("---functions---\na = B;", "2:5: type `B` has no constructor"),
        ("---functions---\na = Vector B;", "2:12: type `B` has no constructor"),
        (
            "---functions---\na {X:Type} x:!X y:int = X;",
            "2:14: a field of type `!X` must be the last one",
        ),
        (
            "---functions---\na {X:Type} = X<int>; b {X:Type} = %X; c {X:Type} = !X;",
            "2:14: expected the type parameter `X` alone, found `X<int>`|2:35: expected the type parameter `X` alone, found `%X`|2:52: expected the type parameter `X` alone, found `!X`",
        ),
    ];
    check(&cases);
}

#[test]
fn all_faults_are_reported_in_their_order() {
    let text = "a x:int x:D = A;\nb ? = B;\nc = C;\nd y:C z:D =\n;\ne#g = E;";
    assert_eq!(
        errors(text),
        "1:9: a second field `x` of `a`\n\
         2:3: expected a field or `=`, found `?`, which is only for the declaration of a built-in type\n\
         5:1: expected a type, found `;`\n\
         6:3: expected an id of one to eight hexadecimal digits, found `g`"
    );
}

#[test]
fn a_missing_type_may_be_that_of_a_faulty_line() {
    assert_eq!(
        errors("a x:B y:C = A;\nb . = B;"),
        "2:5: expected a name behind the dot, found `=`"
    );
    assert_eq!(
        errors("a x:B y:C = A;\nd = D;"),
        "1:5: type `B` has no constructor\n1:9: type `C` has no constructor"
    );
}

#[test]
fn type_arguments_nest_no_deeper_than_allowed() {
    let nested = |depth| format!("a x:{}int{} = A;", "Vector<".repeat(depth), ">".repeat(depth));
    assert!(Schema::parse(&nested(8)).is_ok());
    assert_eq!(errors(&nested(9)), "1:68: types nest deeper than 8");
    assert_eq!(errors(&nested(100_000)), "1:68: types nest deeper than 8");
}

#[test]
fn functions_may_share_a_declared_id() {
    let text = "e = E;\n---functions---\nprefix#1 a:int = E;\nwhole#1 a:int b:int = E;";
    assert!(Schema::parse(text).is_ok());
    let text = "e#1 = E;\n---functions---\nf#1 = E;";
    assert_eq!(errors(text), "3:1: `f` has the id 00000001 of `e` at 1:1");
}

#[test]
fn type_parameters_are_no_more_than_allowed() {
    let many = |count| {
        let params: String = (0..count).map(|index| format!("{{X{index}:Type}} ")).collect();
        format!("---functions---\na {params}= X0;")
    };
    assert!(Schema::parse(&many(8)).is_ok());
    assert_eq!(errors(&many(9)), "2:83: more than 8 type parameters");
}

/// What is reported for a text of several lines.
#[test]
fn after_a_fault_the_next_definition_is_read() {
    let cases = [
        // The end is missing; the next line has a fault of its own.
        (
            "a x:int = A\nb#1 y:~ = B;\nc = C;",
            "2:1: expected `;`, found `b`|2:7: unexpected character `~`",
        ),
        (
            "a x:int\nb#1 y: = B;",
            "2:2: expected `:` and a type behind `b`, found `#`|2:8: expected a type, found `=`",
        ),
        ("a x:\nn.b.c y:int z: = B;", "2:16: expected a type, found `=`"),
        (
            "a x:=\nb {X:Type} y: = B;",
            "1:5: expected a type, found `=`|2:15: expected a type, found `=`",
        ),
        ("a x:=\nb y: = B;", "1:5: expected a type, found `=`|2:6: expected a type, found `=`"),
        ("a x:=\nb = ;", "1:5: expected a type, found `=`|2:5: expected a type, found `;`"),
        ("a x:=\nint x:int = Int;", "1:5: expected a type, found `=`"),
        (
            "a x:=\nint ? = Int;\nb y: = B;",
            "1:5: expected a type, found `=`|3:6: expected a type, found `=`",
        ),
        // What is indented goes on, and what looks like no definition, too.
        (
            "a x:=\n  y:int\n  = A;\nb = ;",
            "1:5: expected a type, found `=`|4:5: expected a type, found `;`",
        ),
        (
            "a x:=\n  b = ;\nc = ;",
            "1:5: expected a type, found `=`|3:5: expected a type, found `;`",
        ),
        (
            "a x:= y:\nint z:\nlong = A;\nb = ;",
            "1:5: expected a type, found `=`|4:5: expected a type, found `;`",
        ),
        (
            "a x:=\n---functions---\nb = ;",
            "1:5: expected a type, found `=`|3:5: expected a type, found `;`",
        ),
        ("a x:= b = B; c = ;", "1:5: expected a type, found `=`|1:18: expected a type, found `;`"),
    ];
    check(&cases);
}

#[test]
fn reports_are_bounded_in_number_and_size() {
    let text = "a = ;\n".repeat(100);
    assert_eq!(Schema::parse(&text).unwrap_err().len(), 100);
    let one_more = Schema::parse(&format!("{text}\n{}", "a = ;\n")).unwrap_err();
    assert_eq!(one_more.len(), 101);
    assert_eq!(one_more[100].to_string(), "102:5: 1 more from here on is left out");
    let many = Schema::parse(&"a = ;\n".repeat(300)).unwrap_err();
    assert_eq!(many[100].to_string(), "101:5: 200 more from here on are left out");
    // The first ones are kept, although the checker comes after the parser.
    let text = format!("a x:int x:int = A;\n{}", "a = ;\n".repeat(1000));
    let errors = Schema::parse(&text).unwrap_err();
    assert_eq!(errors[0].to_string(), "1:9: a second field `x` of `a`");
    assert_eq!(errors[100].to_string(), "101:5: 901 more from here on are left out");

    let long = "x".repeat(100_000);
    let text = format!("a{long} x:{long}<{long}> ={long};\n");
    for error in Schema::parse(&text).unwrap_err() {
        assert!(error.message.len() < 300 && error.source.len() < 110, "{error}");
    }
}

#[test]
fn a_picture_shows_where_a_fault_is() {
    let cases = [
        (
            "a = A;\n\nfoo#1234 bar: = Foo;",
            "a.tl:3:15: expected a type, found `=`\n  |\n3 | foo#1234 bar: = Foo;\n  |               ^",
        ),
        // As many marks as the name has characters.
        (
            "a x:Vector<Missing> = A;",
            "a.tl:1:12: type `Missing` has no constructor\n  |\n1 | a x:Vector<Missing> = A;\n  |            ^^^^^^^",
        ),
        (
            "\ta\t/* \t*/ x:%e.Missing = A;\r\n",
            "a.tl:1:13: type `e.Missing` has no constructor\n  |\n1 | \ta\t/* \t*/ x:%e.Missing = A;\n  | \t \t   \t     ^^^^^^^^^^",
        ),
        // Two cells for a wide character, none for a combining one.
        (
            "a /* é 日本 e\u{301} */ = ;",
            "a.tl:1:19: expected a type, found `;`\n  |\n1 | a /* é 日本 e\u{301} */ = ;\n  |                    ^",
        ),
        ("\u{feff}a 日本", "a.tl:1:3: unexpected characters `日本`\n  |\n1 | a 日本\n  |   ^^^^"),
        // Nothing that a terminal would obey.
        (
            "a /* \u{1b}[1m\u{202e} */ ;",
            "a.tl:1:15: expected a field or `=`, found `;`\n  |\n1 | a /* \u{fffd}[1m\u{fffd} */ ;\n  |               ^",
        ),
        // Behind the last line.
        ("a\n\n", "a.tl:3:1: expected a field or `=`, found the end of the file\n  |\n3 |\n  | ^"),
        ("a = A", "a.tl:1:6: expected `;`, found the end of the file\n  |\n1 | a = A\n  |      ^"),
    ];
    for (text, picture) in cases {
        assert_eq!(Schema::parse(text).unwrap_err()[0].render("a.tl").to_string(), picture);
    }
}

#[test]
fn a_picture_of_a_long_line_shows_the_part_around_the_fault() {
    let picture = |text: &str| Schema::parse(text).unwrap_err()[0].render("a.tl").to_string();
    let fields: String = (0..40).map(|index| format!("field{index:02}:int ")).collect();
    let cases = [
        (
            format!("{}a {fields}x: {fields}= A;", "\n".repeat(9)),
            [
                "a.tl:10:493: expected a field or `=`, found `:`",
                "   |",
                "10 | …t field36:int field37:int field38:int field39:int x: field00:int field01:int field02:int field03:int…",
                "   |                                                              ^",
            ],
        ),
        (
            format!("a x: = {fields};"),
            [
                "a.tl:1:6: expected a type, found `=`",
                "  |",
                "1 | a x: = field00:int field01:int field02:int field03:int field04:int field05:int field06:int field07:i…",
                "  |      ^",
            ],
        ),
        (
            format!("a {}", "x".repeat(1000)),
            [
                "a.tl:1:1003: expected `:` and a type behind `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…`, found the end of the file",
                "  |",
                "1 | …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "  |                                                              ^",
            ],
        ),
        // The mark is no longer than the part of the line.
        (
            format!("a x:{}", "~".repeat(1000)),
            [
                "a.tl:1:5: unexpected characters `~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~…`",
                "  |",
                "1 | a x:~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~…",
                "  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
            ],
        ),
    ];
    for (text, lines) in cases {
        assert_eq!(picture(&text).lines().collect::<Vec<_>>(), lines);
    }
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

#[test]
fn a_constructor_and_a_function_never_share_an_id() {
    let errors = Schema::parse("same#1 = A;\n---functions---\nsame#1 = A;").unwrap_err();
    assert_eq!(errors[0].to_string(), "3:1: `same` has the id 00000001 of `same` at 1:1");
    assert!(Schema::parse("same#1 = A;\n---functions---\nsame#2 = A;").is_ok());
}
