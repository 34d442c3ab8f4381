//! The commands about values: decode and encode.

#[allow(dead_code, reason = "each test program uses a part")]
mod common;
#[path = "../../tests/walk/mod.rs"]
mod walk;

use common::{folder, tlc, tlc_with};
use odnix_tl::{mtproto, odnix, schema::Schema};
use std::fmt::Write as _;
use walk::Walk;

const PONG: &str = "c573773401000000000000000200000000000000";
const SHAPES: &str = "
    point#1 x:int y:int = Point;
    line#2 points:vector<point> = Line;
    holder#3 any:Object = Holder;
    same#4 = Thing;
    number#5 value:double = Number;
    text#6 of:string = Text;
    ---functions---
    find#10 id:long = Vector<Point>;
    same#11 = Thing;
    count#12 = int;
";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes that look random, the same in each run.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0 ^ self.0 >> 31
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[3]).collect()
    }
}

/// Decodes lines of hexadecimal digits and encodes what comes out.
fn assert_same_again(lines: &[String], more: &[&str]) {
    let folder = folder(&[("a.tl", SHAPES)]);
    let input = lines.join("\n") + "\n";
    let run = |arguments: &[&str], input: &str| {
        tlc_with(folder.path(), &[arguments, more].concat(), input.as_bytes()).fine()
    };
    let json = run(&["decode", "--lines"], &input);
    assert_eq!(json.lines().count(), lines.len());
    assert_eq!(run(&["encode", "--lines"], &json), input);
}

#[test]
fn a_value_is_shown_as_json_and_written_as_the_same_bytes() {
    let folder = folder(&[]);
    let path = folder.path();
    let pretty = "{\n  \"_\": \"pong\",\n  \"msg_id\": \"1\",\n  \"ping_id\": \"2\"\n}\n";
    let compact = "{\"_\":\"pong\",\"msg_id\":\"1\",\"ping_id\":\"2\"}\n";
    let spaced = "0xC5737734 0100000000000000\n\t0200 0000 0000 0000 ";
    for given in [PONG, spaced] {
        assert_eq!(tlc(path, &["decode", given]).fine(), pretty);
        assert_eq!(tlc(path, &["decode", "--compact", given]).fine(), compact);
        assert_eq!(tlc_with(path, &["decode"], given.as_bytes()).fine(), pretty);
        assert_eq!(tlc_with(path, &["decode", "-"], given.as_bytes()).fine(), pretty);
    }
    for json in [pretty, compact] {
        assert_eq!(tlc(path, &["encode", json]).fine(), format!("{PONG}\n"));
        assert_eq!(tlc_with(path, &["encode"], json.as_bytes()).fine(), format!("{PONG}\n"));
        std::fs::write(path.join("pong.json"), json).expect("write");
        assert_eq!(tlc(path, &["encode", "--file", "pong.json"]).fine(), format!("{PONG}\n"));
    }
}

#[test]
fn raw_bytes_come_from_files_and_pipes_only() {
    let folder = folder(&[]);
    let path = folder.path();
    // The bytes of this id are text.
    let json = "{\"_\":\"msgs_ack\",\"msg_ids\":[\"1\"]}";
    let encoded = std::process::Command::new(env!("CARGO_BIN_EXE_tlc"))
        .args(["encode", "--raw", json])
        .output()
        .expect("tlc runs");
    assert_eq!(encoded.stdout.get(..4), Some(&[0x59, 0xb4, 0xd6, 0x62][..]));
    std::fs::write(path.join("ack.bin"), &encoded.stdout).expect("write");
    let expected = format!("{json}\n");
    assert_eq!(tlc(path, &["decode", "--raw", "--compact", "--file", "ack.bin"]).fine(), expected);
    let piped = tlc_with(path, &["decode", "--raw", "--compact"], &encoded.stdout);
    assert_eq!(piped.fine(), expected);
    let said = tlc(path, &["decode", "--raw", PONG]).failing(2);
    assert!(said.contains("--raw reads bytes from --file or from standard input"), "{said}");
    let said = tlc(path, &["decode", "--file", "ack.bin"]).failing(1);
    assert!(said.starts_with("tlc: ack.bin: not hexadecimal digits"), "{said}");
    assert!(said.contains("--raw"), "{said}");
    std::fs::File::create(path.join("big.bin"))
        .and_then(|file| file.set_len((16 << 20) + 1))
        .expect("a big file");
    let said = tlc(path, &["decode", "--raw", "--file", "big.bin"]).failing(2);
    assert_eq!(said, "tlc: big.bin: longer than 16 MiB, which is the limit\n");
}

#[test]
fn what_a_value_must_be_can_be_given() {
    let folder = folder(&[("a.tl", SHAPES)]);
    let run = |arguments: &[&str]| tlc(folder.path(), &[arguments, &["-s", "a.tl"]].concat());
    let point = "010000000100000002000000";
    for name in ["Point", "point"] {
        let json = run(&["decode", "--compact", "--type", name, point]).fine();
        assert_eq!(json, "{\"_\":\"point\",\"x\":1,\"y\":2}\n");
        assert_eq!(run(&["encode", "--type", name, &json]).fine(), format!("{point}\n"));
    }
    let said = run(&["decode", "--type", "Line", point]).failing(1);
    assert!(said.contains("constructor id 00000001 at 0 is not a constructor of Line"));
    let said = run(&["encode", "--type", "Line", "{\"_\":\"point\",\"x\":1,\"y\":2}"]).failing(1);
    assert_eq!(said, "tlc: argument: _: \"point\" is not a constructor of Line\n");
    let points = "15c4b51c01000000010000000100000002000000";
    let json = run(&["decode", "--compact", "--result-of", "find", points]).fine();
    assert_eq!(json, "[{\"_\":\"point\",\"x\":1,\"y\":2}]\n");
    assert_eq!(run(&["encode", "--result-of", "find", &json]).fine(), format!("{points}\n"));
    assert_eq!(run(&["decode", "--result-of", "count", "07000000"]).fine(), "7\n");
    let said = run(&["decode", "--result-of", "lose", points]).failing(2);
    assert_eq!(said, "tlc: no function is called `lose`\n");
    let said = run(&["encode", "--type", "Lose", "{}"]).failing(2);
    assert_eq!(said, "tlc: no type, constructor or function is called `Lose`\n");
    let said = run(&["decode", "--type", "Point", "--result-of", "find", points]).failing(2);
    assert!(said.contains("cannot be used with"), "{said}");
}

#[test]
fn a_name_with_two_meanings_is_pointed_out() {
    let folder = folder(&[("a.tl", SHAPES)]);
    let run = |arguments: &[&str]| tlc(folder.path(), &[arguments, &["-s", "a.tl"]].concat());
    let shown = run(&["decode", "--compact", "11000000"]);
    assert_eq!((shown.code, shown.stdout.as_str()), (Some(0), "{\"_\":\"same\"}\n"));
    assert_eq!(
        shown.stderr,
        "tlc: a constructor is called `same`, too; encode this with --function\n"
    );
    assert_eq!(run(&["encode", "--function", &shown.stdout]).fine(), "11000000\n");
    assert_eq!(run(&["encode", &shown.stdout]).fine(), "04000000\n");
}

#[test]
fn several_schemas_are_one_or_say_why_not() {
    let folder = folder(&[
        ("a.tl", "a#1 = A;\nb#2 x:A = B;"),
        ("b.tl", "a#1 = A;\nc#3 = A;"),
        ("c.tl", "// another one\na#1 x:int = A;\nd#2 = D;"),
        ("faulty.tl", "a x: = A;"),
    ]);
    let run = |arguments: &[&str]| tlc(folder.path(), arguments);
    let both = ["decode", "--compact", "-s", "a.tl", "-s", "b.tl", "0200000003000000"];
    // A type of one schema has the constructors of all.
    assert_eq!(run(&both).fine(), "{\"_\":\"b\",\"x\":{\"_\":\"c\"}}\n");
    let said = run(&["decode", "-s", "a.tl", "-s", "c.tl", "01000000"]).failing(2);
    assert_eq!(
        said,
        "\
c.tl:2:1: `a` is `a#00000001 x:int = A;` here and `a#00000001 = A;` there, at a.tl:1:1
c.tl:3:1: `d` has the id 00000002 of `b`, at a.tl:2:1
tlc: the schemas cannot be used together: 2 conflicts
"
    );
    let said = run(&["encode", "-s", "faulty.tl", "{}"]).failing(2);
    assert!(said.starts_with("faulty.tl:1:6: expected a type"), "{said}");
    assert!(said.ends_with("tlc: faulty.tl cannot be used: 1 error\n"), "{said}");
    let said = run(&["encode", "-s", "-"]).failing(2);
    assert!(said.contains("the schema is read from standard input"), "{said}");
    let run = tlc_with(folder.path(), &["decode", "-s", "-", "01000000"], b"a#1 = A;");
    assert_eq!(run.fine(), "{\n  \"_\": \"a\"\n}\n");
}

#[test]
fn a_fault_in_bytes_is_shown_among_them() {
    let folder = folder(&[("a.tl", SHAPES)]);
    let run = |arguments: &[&str]| tlc(folder.path(), arguments).failing(1);
    assert_eq!(
        run(&["decode", &PONG[..38]]),
        "\
tlc: argument: ping_id: 8 bytes needed at 12, 7 left
  00000000  c5 73 77 34 01 00 00 00 00 00 00 00 02 00 00 00
                                                ^^
  00000010  00 00 00
"
    );
    let points = "02000000 03000000 0000000000000000 0000000000000000 00000000";
    assert_eq!(
        run(&["decode", "-s", "a.tl", points]),
        "\
tlc: argument: points: a vector of 3 items at 4 with 20 bytes left
  00000000  02 00 00 00 03 00 00 00 00 00 00 00 00 00 00 00
                        ^^
  00000010  00 00 00 00 00 00 00 00 00 00 00 00
"
    );
    assert_eq!(
        run(&["decode", &(PONG.to_owned() + "00")]),
        "\
tlc: argument: 1 bytes after the end of the object at 20
  00000000  c5 73 77 34 01 00 00 00 00 00 00 00 02 00 00 00
  00000010  00 00 00 00 00
                        ^^
"
    );
    // The place is behind the last byte.
    assert_eq!(
        run(&[
            "decode",
            "-s",
            "a.tl",
            "010000000100000002 000000 15c4b51c".get(..16).expect("hex")
        ]),
        "\
tlc: argument: y: 4 bytes needed at 8, 0 left
  00000000  01 00 00 00 01 00 00 00
                                    ^^
"
    );
    let said = run(&["decode", "99000000"]);
    let hint = "; give its schema with --schema\n";
    assert!(said.contains(&format!("id 00000099 at 0 is not in this layer{hint}")), "{said}");
    let said = run(&["decode", "-s", "a.tl", "99000000"]);
    assert!(said.contains("is not in this layer; is one more --schema needed?\n"), "{said}");
    assert_eq!(
        run(&["decode", ""]),
        "tlc: argument: 4 bytes needed at 0, 0 left\n  00000000 \n            ^^\n"
    );
}

#[test]
fn a_fault_in_digits_or_json_is_one_sentence() {
    let folder = folder(&[]);
    let cases: [(&[&str], &str); 10] = [
        (&["decode", "c57"], "argument: an odd number of hexadecimal digits: 3"),
        (&["decode", "0x1 0x2"], "argument: an odd number of hexadecimal digits in \"0x1\""),
        (&["decode", "c5z7"], "argument: 'z' is not a hexadecimal digit"),
        (&["encode", "{\"_\": \"ping\""], "argument:1:12: EOF while parsing an object"),
        (&["encode", "{\n \"_\": ping}"], "argument:2:7: expected value"),
        (&["encode", "{\"_\": 1, \"_\": 2}"], "argument:1:16: a second member \"_\""),
        (
            &["encode", "{\"_\": \"ping\", \"ping_id\": 2}"],
            "argument: ping_id: expected a decimal string, found a number",
        ),
        (
            &["encode", "{\"_\": \"msgs_ack\", \"msg_ids\": [\"1\", \"x\"]}"],
            "argument: msg_ids[1]: not a 64-bit decimal",
        ),
        (
            &["encode", "{\"_\": \"pin\"}"],
            "argument: _: \"pin\" is not a constructor or a function of this schema",
        ),
        (&["encode", "[]"], "argument: expected an object, found an array"),
    ];
    for (arguments, message) in cases {
        let said = tlc(folder.path(), arguments).failing(1);
        assert_eq!(said, format!("tlc: {message}\n"), "{arguments:?}");
    }
    let said = tlc_with(folder.path(), &["encode"], b"{\"_\": \"\xff\"}").failing(1);
    assert!(said.starts_with("tlc: stdin:1:"), "{said}");
}

#[test]
fn with_lines_the_good_ones_come_through_and_the_bad_ones_are_named() {
    let folder = folder(&[]);
    let input = format!("{PONG}\n\nxyz\n{PONG}00\r\n  {PONG}\n\u{fe}");
    let run = tlc_with(folder.path(), &["decode", "--lines"], input.as_bytes());
    assert_eq!(run.code, Some(1));
    let pong = "{\"_\":\"pong\",\"msg_id\":\"1\",\"ping_id\":\"2\"}\n";
    assert_eq!(run.stdout, pong.repeat(2));
    assert_eq!(
        run.stderr,
        "\
tlc: stdin:3: 'x' is not a hexadecimal digit
tlc: stdin:4: 1 bytes after the end of the object at 20
tlc: stdin:6: 'þ' is not a hexadecimal digit
"
    );
    let input = format!("{pong}{{\n{pong}{{\"_\":\"ping\"}}");
    let run = tlc_with(folder.path(), &["encode", "--lines"], input.as_bytes());
    assert_eq!((run.code, run.stdout), (Some(1), format!("{PONG}\n").repeat(2)));
    assert_eq!(
        run.stderr,
        "tlc: stdin:2:1: EOF while parsing an object\ntlc: stdin:4: ping_id: missing\n"
    );
    let said = tlc(folder.path(), &["encode", "--lines", "--raw"]).code;
    assert_eq!(
        tlc_with(folder.path(), &["decode", "--lines"], b"\xff\n").failing(1),
        "tlc: stdin:1: not UTF-8\n"
    );
    assert_eq!(tlc(folder.path(), &["decode", "--lines", "--raw"]).code, Some(2));
    assert_eq!(said, Some(2));
}

#[test]
fn objects_of_every_line_come_back_byte_for_byte() {
    let schemas = [mtproto::SCHEMA.text(), odnix::SCHEMA.text()];
    let mut draw = Draw(1);
    let mut lines = Vec::new();
    for text in schemas {
        let schema = Schema::parse(text).expect("our own schema");
        for definition in &schema.definitions {
            for len in [0, 40, 400] {
                let entropy = draw.bytes(len);
                let mut walk = Walk::new(&schema, &entropy);
                walk.boxed(definition);
                lines.push(hex(&walk.bytes));
            }
        }
    }
    assert!(lines.len() > 300, "{}", lines.len());
    assert_same_again(&lines, &[]);
}

#[test]
fn every_double_comes_back_bit_for_bit() {
    let special =
        [0, 1, 1 << 63, 0x7ff0 << 48, 0xfff0 << 48, 0x7ff8 << 48, 0x7ff0 << 48 | 1, 0x7fef << 48];
    let mut draw = Draw(2);
    let random = std::iter::repeat_with(|| draw.next()).take(500);
    let lines: Vec<_> = special
        .into_iter()
        .chain(random)
        .map(|bits: u64| format!("05000000{}", hex(&bits.to_le_bytes())))
        .collect();
    assert_same_again(&lines, &["-s", "a.tl"]);
}

#[test]
fn every_text_and_all_bytes_that_nobody_knows_come_back() {
    let texts = ["", "\u{0}\u{1f}\u{7f}\u{2028}", "\"\\/\n\r\t", "👍é\u{feff}"];
    let text = |text: &str| {
        let mut bytes = vec![6, 0, 0, 0, u8::try_from(text.len()).expect("short")];
        bytes.extend(text.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        hex(&bytes)
    };
    let mut lines: Vec<_> = texts.map(text).into();
    // Inside of an Object: an object, a call whose name a constructor has, bytes, nothing.
    for any in ["010000000100000002000000", "04000000", "11000000", "0400000000", "ff", ""] {
        lines.push(format!("03000000{any}"));
    }
    assert_same_again(&lines, &["-s", "a.tl"]);
}
