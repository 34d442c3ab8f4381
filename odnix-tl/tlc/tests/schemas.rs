//! The commands about schemas: check, fmt, gen, diff, ids.

#[allow(dead_code, reason = "each test program uses a part")]
mod common;

use common::{folder, read, tlc, tlc_with};
use std::path::Path;

const GOOD: &str = "// LAYER 1\n\n//@description a point\npoint x:int y:int = Point;\n";
const FAULTY: &str = "point x: = Point;\na b:Missing = A;\nb b:int b:int = B;\n";
const WARNED: &str = "//@nothing of it\npoint#1 x:int = Point;\n";

fn own(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema").join(name).display().to_string()
}

#[test]
fn check_of_a_good_schema_says_so() {
    let folder = folder(&[("a.tl", GOOD)]);
    let run = tlc(folder.path(), &["check", "a.tl"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
    assert_eq!(run.stderr, "1 schema: 0 errors, 0 warnings\n");
    let run = tlc_with(folder.path(), &["check", "a.tl", "-"], GOOD.as_bytes());
    assert_eq!(run.stderr, "2 schemas: 0 errors, 0 warnings\n");
    assert_eq!(tlc(folder.path(), &["check", "--json", "a.tl"]).fine(), "[]\n");
}

#[test]
fn check_shows_all_errors_of_all_files_with_their_lines() {
    let folder = folder(&[("a.tl", FAULTY), ("b.tl", GOOD), ("c.tl", "c x:intt = C;\n")]);
    let said = tlc(folder.path(), &["check", "a.tl", "b.tl", "c.tl"]).failing(1);
    assert_eq!(
        said,
        "\
a.tl:1:10: expected a type, found `=`
  |
1 | point x: = Point;
  |          ^
a.tl:3:9: a second field `b` of `b`
  |
3 | b b:int b:int = B;
  |         ^
c.tl:1:5: no constructor `intt`
  |
1 | c x:intt = C;
  |     ^^^^
3 schemas: 3 errors, 0 warnings
"
    );
}

#[test]
fn check_warns_and_denies_what_it_is_told_to() {
    let folder = folder(&[("a.tl", WARNED)]);
    let cases: [(&[&str], i32, &str); 5] = [
        (&[], 0, "2 warnings\n"),
        (&["--deny", "ids"], 1, "2 warnings, denied\n"),
        (&["--deny", "docs"], 1, "2 warnings, denied\n"),
        (&["--deny", "ids", "--deny", "docs"], 1, "2 warnings, denied\n"),
        (&["--deny", "everything"], 2, "For more information, try '--help'.\n"),
    ];
    for (deny, code, end) in cases {
        let said = tlc(folder.path(), &[&["check", "a.tl"], deny].concat()).failing(code);
        assert!(said.ends_with(end), "{said}");
        if code < 2 {
            assert!(said.contains("a.tl:2:7: warning: id of `point`: declared 00000001"), "{said}");
        }
    }
    std::fs::write(folder.path().join("b.tl"), "point#1 x:int = Point;\n").expect("write");
    assert_eq!(tlc(folder.path(), &["check", "--deny", "docs", "b.tl"]).code, Some(0));
}

#[test]
fn check_as_json_is_one_array() {
    let folder = folder(&[("a.tl", FAULTY), ("b.tl", WARNED)]);
    let run = tlc(folder.path(), &["check", "--json", "a.tl", "b.tl"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    let array: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let array = array.as_array().expect("an array");
    assert_eq!(
        array[0],
        serde_json::json!({
            "file": "a.tl", "line": 1, "column": 10, "severity": "error",
            "message": "expected a type, found `=`",
        })
    );
    let severities: Vec<_> = array.iter().map(|of| of["severity"].clone()).collect();
    assert_eq!(severities, ["error", "error", "warning", "warning"]);
}

#[test]
fn a_file_that_cannot_be_used_is_named_and_nothing_is_done() {
    let folder = folder(&[("a.tl", "point  x:int = Point;")]);
    std::fs::write(folder.path().join("latin.tl"), b"// \xe4\n").expect("write");
    std::fs::File::create(folder.path().join("big.tl"))
        .and_then(|file| file.set_len((16 << 20) + 1))
        .expect("a big file");
    let commands: [&[&str]; 6] = [
        &["check"],
        &["fmt", "a.tl"],
        &["ids"],
        &["gen", "rust"],
        &["diff", "a.tl"],
        &["decode", "00", "--schema"],
    ];
    for command in commands {
        for (file, message) in [
            ("missing.tl", "tlc: cannot read missing.tl: "),
            ("latin.tl", "tlc: latin.tl: not UTF-8 at byte 3; a schema is a text in UTF-8\n"),
            ("big.tl", "tlc: big.tl: longer than 16 MiB, which is the limit\n"),
            (".", "tlc: cannot read .: "),
        ] {
            let said = tlc(folder.path(), &[command, &[file]].concat()).failing(2);
            assert!(said.starts_with(message), "{command:?} {file}: {said}");
        }
    }
    assert_eq!(read(&folder, "a.tl"), "point  x:int = Point;");
    let said = tlc(folder.path(), &["diff", "-", "-"]).failing(2);
    assert!(said.contains("standard input (`-`) is asked for twice"), "{said}");
}

#[test]
fn fmt_rewrites_what_is_not_canonical_and_nothing_else() {
    let folder = folder(&[("a.tl", "point  x:int\n y : int = Point ;"), ("b.tl", GOOD)]);
    let canonical = "point x:int y:int = Point;\n";
    let listed = tlc(folder.path(), &["fmt", "--check", "a.tl", "b.tl"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(1), "a.tl\n"));
    let shown = tlc(folder.path(), &["fmt", "--stdout", "a.tl", "b.tl"]).fine();
    assert_eq!(shown, [canonical, GOOD].concat());
    let time = |name: &str| {
        std::fs::metadata(folder.path().join(name)).and_then(|file| file.modified()).expect("time")
    };
    let before = time("b.tl");
    assert_eq!(tlc(folder.path(), &["fmt", "a.tl", "b.tl"]).fine(), "");
    assert_eq!(read(&folder, "a.tl"), canonical);
    assert_eq!(time("b.tl"), before);
    assert_eq!(tlc(folder.path(), &["fmt", "--check", "a.tl", "b.tl"]).fine(), "");
    let left = std::fs::read_dir(folder.path()).expect("folder").count();
    assert_eq!(left, 2, "no other file is left behind");
    let shown = tlc_with(folder.path(), &["fmt", "-"], b"point  x:int y:int = Point;").fine();
    assert_eq!(shown, canonical);
    let listed = tlc_with(folder.path(), &["fmt", "--check", "-"], b"a  = A;");
    assert_eq!((listed.code, listed.stdout.as_str()), (Some(1), "stdin\n"));
}

#[test]
fn fmt_leaves_a_faulty_file_alone_and_does_the_others() {
    let folder = folder(&[("a.tl", "a  x: = A;"), ("b.tl", "b  = B;")]);
    let said = tlc(folder.path(), &["fmt", "a.tl", "b.tl"]).failing(1);
    assert!(said.starts_with("a.tl:1:7: expected a type, found `=`\n  |\n1 | "), "{said}");
    assert!(said.ends_with("tlc: a.tl is left as it is: 1 error\n"), "{said}");
    assert_eq!(read(&folder, "a.tl"), "a  x: = A;");
    assert_eq!(read(&folder, "b.tl"), "b = B;\n");
}

#[cfg(unix)]
#[test]
fn fmt_keeps_modes_and_links() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = folder(&[("a.tl", "a  = A;"), ("c.tl", "c  = C;")]);
    let path = |name: &str| folder.path().join(name);
    symlink("a.tl", path("link.tl")).expect("link");
    std::fs::set_permissions(path("a.tl"), std::fs::Permissions::from_mode(0o640)).expect("mode");
    tlc(folder.path(), &["fmt", "link.tl"]).fine();
    assert!(path("link.tl").symlink_metadata().expect("link").is_symlink());
    assert_eq!(read(&folder, "a.tl"), "a = A;\n");
    let mode = std::fs::metadata(path("a.tl")).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    std::fs::set_permissions(path("c.tl"), std::fs::Permissions::from_mode(0o444)).expect("mode");
    let said = tlc(folder.path(), &["fmt", "c.tl"]).failing(2);
    assert!(said.starts_with("tlc: cannot write c.tl: "), "{said}");
    assert!(said.ends_with("; it is left as it was\n"), "{said}");
    assert_eq!(read(&folder, "c.tl"), "c  = C;");
    assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 3);
}

#[test]
fn gen_writes_what_the_library_makes() {
    let folder = folder(&[("a.tl", "ns.point x:int = ns.Point;")]);
    let cases: [(&[&str], &[&str]); 6] = [
        (&["rust"], &["// From `a.tl`.\n", "odnix_tl::EmbeddedSchema", "pub struct Point"]),
        (
            &["rust", "--crate-path", "crate::tl", "--features", "--any"],
            &["crate::tl::", "feature = \"ns\"", "Object"],
        ),
        (&["json-schema"], &["\"title\": \"a.tl\"", "ns.point"]),
        (
            &["json-schema", "--id", "https://example.org/a.json", "--title", "A"],
            &["https://example.org/a.json", "\"title\": \"A\""],
        ),
        (&["markdown"], &["# a.tl\n"]),
        (&["markdown", "--title", "The layer"], &["# The layer\n"]),
    ];
    for (arguments, expected) in cases {
        let arguments = [&["gen"], arguments, &["a.tl"]].concat();
        let shown = tlc(folder.path(), &arguments).fine();
        for text in expected {
            assert!(shown.contains(text), "{arguments:?} lacks {text}:\n{shown}");
        }
        let with_output = [&arguments[..], &["-o", "out"]].concat();
        assert_eq!(tlc(folder.path(), &with_output).fine(), "");
        assert_eq!(read(&folder, "out"), shown);
    }
    let shown = tlc_with(folder.path(), &["gen", "rust", "-"], b"a = A;").fine();
    assert!(shown.starts_with("// From `stdin`.\n"));
    let said = tlc(folder.path(), &["gen", "rust", "a.tl", "-o", "no/where"]).failing(2);
    assert!(said.starts_with("tlc: cannot write no/where: "), "{said}");
    let said = tlc_with(folder.path(), &["gen", "markdown", "-"], FAULTY.as_bytes()).failing(2);
    assert!(said.ends_with("tlc: stdin cannot be used: 2 errors\n"), "{said}");
}

const OLD: &str = "a x:int = A;\nb = B;\n---functions---\nf = A;\ng q:B = B;\n";

#[test]
fn diff_exits_with_what_breaks() {
    let renamed = "a x:int = A;\nb#";
    let id = odnix_tl::schema::Schema::parse("b = B;").expect("schema").definitions[0].id();
    let json_only = OLD.replace("\nb = B;", &format!("\nc#{id:x} = B;"));
    assert!(!json_only.contains(renamed));
    let safe = format!("{OLD}h = A;\n");
    let breaking = OLD.replace("x:int", "x:long");
    let folder = folder(&[
        ("old.tl", OLD),
        ("json.tl", &json_only),
        ("safe.tl", &safe),
        ("breaking.tl", &breaking),
        ("faulty.tl", FAULTY),
    ]);
    let cases: [(&str, &[&str], i32, &str); 7] = [
        ("old.tl", &[], 0, "0 changes: 0 breaking, 0 breaking the JSON form only, 0 safe\n"),
        ("safe.tl", &[], 0, "1 change: 0 breaking, 0 breaking the JSON form only, 1 safe\n"),
        ("json.tl", &[], 0, "1 change: 0 breaking, 1 breaking the JSON form only, 0 safe\n"),
        ("json.tl", &["--deny-json"], 1, "1 breaking the JSON form only, 0 safe\n"),
        ("breaking.tl", &[], 1, "1 change: 1 breaking, 0 breaking the JSON form only, 0 safe\n"),
        ("breaking.tl", &["--json"], 1, "}\n]\n"),
        ("safe.tl", &["--all"], 0, "0 breaking the JSON form only, 1 safe\n"),
    ];
    for (new, arguments, code, end) in cases {
        let run = tlc(folder.path(), &[&["diff", "old.tl", new], arguments].concat());
        assert_eq!((run.code, run.stderr.as_str()), (Some(code), ""), "{new} {arguments:?}");
        assert!(run.stdout.ends_with(end), "{new} {arguments:?}: {}", run.stdout);
    }
    let said = tlc(folder.path(), &["diff", "old.tl", "faulty.tl"]).failing(2);
    assert!(said.ends_with("tlc: faulty.tl cannot be used: 2 errors\n"), "{said}");
    tlc(folder.path(), &["diff", "old.tl", "--json", "--markdown", "old.tl"]).failing(2);
}

#[test]
fn diff_is_a_table_in_three_forms() {
    let new = OLD.replace("x:int", "x:long") + "h = A;\n";
    let folder = folder(&[("old.tl", OLD), ("new.tl", &new)]);
    let diff = |arguments: &[&str]| {
        tlc(folder.path(), &[&["diff", "old.tl", "new.tl"], arguments].concat()).stdout
    };
    let text = diff(&["--all"]);
    let lines: Vec<_> = text.lines().collect();
    let column = lines[0].find("breaks").expect("a head");
    assert!(lines[0].starts_with("what ") && lines[0].contains(" why"));
    assert_eq!(lines[1].get(column..column + 4), Some("yes "), "{text}");
    assert_eq!(lines[2].get(column..column + 4), Some("no  "), "{text}");
    assert!(!diff(&[]).contains("function `h` added"));
    let markdown = diff(&["--all", "--markdown"]);
    assert!(markdown.starts_with("| what | breaks | why |\n|---|---|---|\n| "), "{markdown}");
    let array: serde_json::Value = serde_json::from_str(&diff(&["--all", "--json"])).expect("JSON");
    assert_eq!(array[0]["breaks"], "binary");
    assert_eq!(array[1]["breaks"], "nothing");
    assert!(array[1]["what"].as_str().expect("text").starts_with("function `h` added"));
    assert!(array[1]["why"].is_string());
}

#[test]
fn ids_are_listed_in_the_order_of_the_file() {
    let text =
        "pong#347773c5 msg_id:long ping_id:long = Pong;\na#1 = A;\n---functions---\nf#2 = A;\n";
    let folder = folder(&[("a.tl", text)]);
    let path = folder.path();
    assert_eq!(
        tlc(path, &["ids", "a.tl"]).fine(),
        "\
347773c5            constructor  pong  a.tl:1
00000001  7aae25b9  constructor  a     a.tl:2
00000002  c88ef9a9  function     f     a.tl:4
"
    );
    let line = "347773c5    constructor  pong  a.tl:1\n";
    for id in ["347773c5", "0x347773C5"] {
        assert_eq!(tlc(path, &["ids", "a.tl", "--find", id]).fine(), line);
    }
    let array = tlc(path, &["ids", "--json", "a.tl", "--find", "1"]).fine();
    let array: serde_json::Value = serde_json::from_str(&array).expect("JSON");
    assert_eq!(array[0]["id"], "00000001");
    assert_eq!(array[0]["kind"], "constructor");
    assert_eq!(array[0]["name"], "a");
    assert_eq!(array[0]["line"], 2);
    let said = tlc(path, &["ids", "a.tl", "--find", "7"]).failing(1);
    assert_eq!(said, "tlc: no line has the id 00000007\n");
    let said = tlc(path, &["ids", "a.tl", "--find", "c5737734"]).failing(1);
    let hint = "; 347773c5, whose bytes in a packet are those, is `pong`\n";
    assert_eq!(said, format!("tlc: no line has the id c5737734{hint}"));
    for wrong in ["", "xyz", "123456789", "+1"] {
        let said = tlc(path, &["ids", "a.tl", "--find", wrong]).failing(2);
        assert!(said.contains("an id is one to eight hexadecimal digits"), "{said}");
    }
}

#[test]
fn our_own_schemas_are_clean() {
    let folder = folder(&[]);
    let files = [own("mtproto.tl"), own("odnix.tl")];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(tlc(folder.path(), &[&["fmt", "--check"], &files[..]].concat()).fine(), "");
    let check = [&["check", "--deny", "ids", "--deny", "docs"], &files[..]].concat();
    let run = tlc(folder.path(), &check);
    assert_eq!(run.stderr, "2 schemas: 0 errors, 0 warnings\n");
    assert_eq!(run.code, Some(0));
}

#[test]
fn whoever_reads_a_part_of_the_output_hears_no_complaint() {
    use std::process::{Command, Stdio};
    let commands: [&[&str]; 3] =
        [&["ids", &own("odnix.tl")], &["gen", "rust", &own("odnix.tl")], &["decode", "--lines"]];
    for arguments in commands {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tlc"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tlc starts");
        drop(child.stdout.take());
        let mut stdin = child.stdin.take().expect("a pipe");
        let _ = std::io::Write::write_all(&mut stdin, b"ec77be7a0200000000000000\n");
        drop(stdin);
        let output = child.wait_with_output().expect("tlc ends");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert!(output.status.success(), "{arguments:?}");
    }
}
