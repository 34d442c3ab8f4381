//! What each kind of change means for old clients.

use odnix_tl::schema::{Schema, diff};

fn rows(old: &str, new: &str) -> Vec<String> {
    let parse = |text| Schema::parse(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let changes = diff(&parse(old), &parse(new));
    changes
        .iter()
        .map(|change| format!("{}: {} ({})", change.effect, change.what, change.why))
        .collect()
}

/// `S` is sent only, `R` received only, `B` both ways.
const OLD: &str = "
    // LAYER 1
    s1#a1 flags:# x:int y:flags.1?int on:flags.2?true = S;
    s2#a2 = S;
    r1#b1 flags:# x:int y:flags.1?int on:flags.2?true = R;
    r2#b2 = R;
    b1#c1 text:string = B;
    ---functions---
    get#f1 s:S b:B = R;
    list#f2 = Vector<B>;
";

/// The rows after replacing parts of `OLD`; the layer is raised.
fn replaced(parts: &[(&str, &str)]) -> Vec<String> {
    let mut new = OLD.replace("LAYER 1", "LAYER 2");
    for (from, to) in parts {
        assert!(new.contains(from), "{from}");
        new = new.replace(from, to);
    }
    let mut rows = rows(OLD, &new);
    rows.retain(|row| row != "no: layer 2 instead of 1 (old clients announce theirs)");
    rows
}

/// What is replaced in `OLD`, and the rows that this makes.
type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);

const CASES: &[Case] = &[
    (
        &[("get#f1 s:S b:B = R;", "")],
        &[
            "yes: function `get` removed (old clients send it, and the server cannot read it any more; keep it until they are gone)",
        ],
    ),
    (
        &[("get#f1 s:S b:B = R;", "get#f9 s:S b:B x:int = R;")],
        &[
            "yes: function `get` has the id 000000f9 instead of 000000f1 (old clients send the old id, which the server cannot read any more; keep the old line under another name, with its id)",
        ],
    ),
    (
        &[("get#f1 s:S b:B = R;", "getOld#f1 s:S b:B = R; get#f9 s:S b:B x:int = R;")],
        &[
            "JSON only: function `get` is now called `getOld` (the bytes hold the id, but the JSON form holds the name, which is another line's now)",
            "no: function `get` added, with the id 000000f9 (old clients never call it)",
        ],
    ),
    (
        &[("get#f1 ", "fetch#f1 ")],
        &[
            "JSON only: function `get` is now called `fetch` (the bytes hold the id, but the JSON form holds the name)",
        ],
    ),
    (
        &[("get#f1 s:S b:B = R;", "get#f1 s:S b:B x:int = R;")],
        &[
            "yes: function `get`: field `x:int` added under the same id (the side without it misreads the rest; it needs a new id)",
        ],
    ),
    (
        &[("get#f1 s:S b:B = R;", "get#f1 b:B s:S = R;")],
        &[
            "yes: function `get`: the order of the fields differs (the same bytes are read in another order; it needs a new id)",
        ],
    ),
    (
        &[("get#f1 s:S b:B = R;", "get#f1 s:S b:B = B;")],
        &[
            "yes: function `get` returns `B` instead of `R` (old clients cannot read every constructor that may come here)",
        ],
    ),
    (
        &[("get#f1 s:S b:B = R;", "get#f1 s:S b:B = Vector<R>;")],
        &[
            "yes: function `get` returns `Vector<R>` instead of `R` (the same bytes are read as something else; it needs a new id)",
        ],
    ),
    (
        &[("list#f2 =", "list#f2 x:int =")],
        &[
            "yes: function `list`: field `x:int` added under the same id (the side without it misreads the rest; it needs a new id)",
        ],
    ),
    (
        &[("list#f2 =", "other#f2 x:int =")],
        &[
            "yes: the id 000000f2 of function `list` now means function `other` (the same bytes are read as something else)",
        ],
    ),
    (
        &[("list#f2 =", "list#f2 = Vector<B>; more#f3 =")],
        &["no: function `more` added, with the id 000000f3 (old clients never call it)"],
    ),
    (
        &[("s2#a2 = S;", "")],
        &[
            "yes: constructor `s2` removed (old clients send it, and the server cannot read it any more; keep it until they are gone)",
        ],
    ),
    (
        &[("s2#a2 = S;", "s2#a9 x:int = S;")],
        &[
            "yes: constructor `s2` has the id 000000a9 instead of 000000a2 (old clients send the old id, which the server cannot read any more; keep the old line under another name, with its id)",
        ],
    ),
    (
        &[("s2#a2 = S;", "s2#a2 = S; s3#a3 = S;")],
        &[
            "no: constructor `s3` added, with the id 000000a3 (old clients only send `S`, or never meet it)",
        ],
    ),
    (
        &[("r2#b2 = R;", "")],
        &["no: constructor `r2` removed (old clients never send it, and now never receive it)"],
    ),
    (
        &[("r2#b2 = R;", "r2#b9 = R;")],
        &[
            "yes: constructor `r2` has the id 000000b9 instead of 000000b2 (old clients cannot read the new id; keep the old line under another name, with its id, and answer with it)",
        ],
    ),
    (
        &[("r2#b2 = R;", "r2#b2 = R; r3#b3 = R;")],
        &[
            "yes: constructor `r3` added, with the id 000000b3 (old clients receive `R` and cannot read this constructor; send it only to clients that announce a newer layer)",
        ],
    ),
    (
        &[("s1#a1 flags:# x:int", "s1#a1 flags:# x:long")],
        &[
            "yes: constructor `s1`: field `x:int` is now `x:long` (the same bytes are read as something else; it needs a new id)",
        ],
    ),
    (
        &[("s1#a1 flags:# x:int", "s1#a1 flags:# new:flags.5?true x:int")],
        &["no: constructor `s1`: flag `new:flags.5?true` added (old clients do not set it)"],
    ),
    (
        &[("s1#a1 flags:# x:int", "s1#a1 flags:# new:flags.5?int x:int")],
        &[
            "no: constructor `s1`: field `new:flags.5?int` added under the same id (old clients only send this, without the bit)",
        ],
    ),
    (
        &[("s1#a1 flags:# x:int", "s1#a1 flags:# new:flags.2?int x:int")],
        &[
            "yes: constructor `s1`: field `new:flags.2?int` added under the same id (the bit had another meaning; take one that was never used)",
        ],
    ),
    (
        &[("s1#a1 flags:# x:int y:flags.1?int", "s1#a1 flags:# x:int")],
        &[
            "yes: constructor `s1`: field `y:flags.1?int` removed under the same id (the server misreads what follows when old clients set the bit; it needs a new id)",
        ],
    ),
    (
        &[("s1#a1 flags:# x:int", "s1#a1 flags:# z:int")],
        &[
            "JSON only: constructor `s1`: field `x` is now called `z` (the bytes are the same, but the JSON form has the name)",
        ],
    ),
    (
        &[("on:flags.2?true = S", "= S")],
        &[
            "JSON only: constructor `s1`: flag `on:flags.2?true` removed (the server ignores the bit, but a JSON reader refuses the member)",
        ],
    ),
    (
        &[("r1#b1 flags:# x:int", "r1#b1 flags:# new:flags.5?true x:int")],
        &[
            "JSON only: constructor `r1`: flag `new:flags.5?true` added (old clients ignore the bit, but a JSON reader refuses the member)",
        ],
    ),
    (
        &[("r1#b1 flags:# x:int", "r1#b1 flags:# new:flags.5?int x:int")],
        &[
            "yes: constructor `r1`: field `new:flags.5?int` added under the same id (old clients misread what follows when the bit is set; it needs a new id)",
        ],
    ),
    (
        &[("r1#b1 flags:# x:int y:flags.1?int", "r1#b1 flags:# x:int")],
        &[
            "no: constructor `r1`: field `y:flags.1?int` removed under the same id (old clients only receive this, without the bit)",
        ],
    ),
    (
        &[("r1#b1 flags:# x:int y:flags.1?int", "r1#b1 flags:# y:flags.1?true x:int")],
        &[
            "yes: constructor `r1`: field `y:flags.1?int` removed under the same id (the bit has another meaning now; take one that was never used)",
            "JSON only: constructor `r1`: flag `y:flags.1?true` added (old clients ignore the bit, but a JSON reader refuses the member)",
        ],
    ),
    (
        &[("on:flags.2?true = R", "= R")],
        &["no: constructor `r1`: flag `on:flags.2?true` removed (to old clients it is never set)"],
    ),
    (
        &[("on:flags.2?true = R", "off:flags.2?true = R")],
        &[
            "JSON only: constructor `r1`: flag `on` is now called `off` (the bytes are the same, but the JSON form has the name)",
        ],
    ),
    (
        &[("on:flags.2?true = R", "on:flags.3?true = R")],
        &[
            "yes: constructor `r1`: flag `on:flags.2?true` is now `on:flags.3?true` (each side takes the bit for another one)",
        ],
    ),
    (
        &[("y:flags.1?int on:flags.2?true = R", "y:flags.4?int on:flags.2?true = R")],
        &[
            "yes: constructor `r1`: field `y:flags.1?int` is now `y:flags.4?int` (the bytes tell otherwise whether the field is there; it needs a new id)",
        ],
    ),
    (
        &[("text:string", "text:bytes")],
        &[
            "yes: constructor `b1`: field `text:string` is now `text:bytes` (the reader takes text only, and not all bytes are one)",
        ],
    ),
    (
        &[("text:string", "words:string")],
        &[
            "JSON only: constructor `b1`: field `text` is now called `words` (the bytes are the same, but the JSON form has the name)",
        ],
    ),
    (
        &[("= B;\n    ---", "= C;\n ---"), ("b:B", "b:C"), ("Vector<B>", "Vector<C>")],
        &[
            "no: type `B` is now called `C` (the constructors keep their ids, and no form names the type)",
        ],
    ),
    (
        &[("r2#b2 = R;", "r2#b2 = B;")],
        &[
            "yes: constructor `r2` is of type `B` instead of `R` (one side does not expect it where the other one sends it)",
        ],
    ),
    (
        &[("r2#b2 = R;", "other#b2 = R;")],
        &[
            "JSON only: constructor `r2` is now called `other` (the bytes hold the id, but the JSON form holds the name)",
        ],
    ),
    (
        &[
            ("get#f1 s:S b:B = R;", ""),
            ("s2#a2 = S;", ""),
            ("s1#a1 flags:# x:int y:flags.1?int on:flags.2?true = S;", ""),
        ],
        &[
            "yes: type `S` removed, with `s1`, `s2` (old clients send it, and the server cannot read it any more; keep it until they are gone)",
            "yes: function `get` removed (old clients send it, and the server cannot read it any more; keep it until they are gone)",
        ],
    ),
    (
        &[("s2#a2 = S;", "s2#a2 = S; n1 = N; n2 = N;")],
        &[
            "no: type `N` added, with `n1`, `n2` (old clients do not know it, and nothing makes them)",
        ],
    ),
    (
        &[("s2#a2 = S;", "//@description words\ns2#a2 = S;")],
        &["no: constructor `s2` is documented differently (documentation is not sent)"],
    ),
    (
        &[("s2#a2 = S;", "//@redact\ns2#a2 = S;")],
        &[
            "no: `@redact` of constructor `s2` differs (it changes what a log shows, not what is sent)",
        ],
    ),
];

#[test]
fn each_change_is_judged_by_who_meets_it() {
    for (parts, expected) in CASES {
        assert_eq!(replaced(parts), *expected, "{parts:?}");
    }
}

#[test]
fn nothing_changed_is_no_change() {
    assert_eq!(rows(OLD, OLD), [""; 0]);
    let computed = "a#d2aa78f6 x:int = A;";
    assert_eq!(rows("a x:int = A;", computed), [""; 0], "an id may be written or computed");
}

#[test]
fn a_type_that_nothing_mentions_may_come_from_either_side() {
    assert_eq!(
        rows("a#1 = A; b#2 = A;", "a#1 = A; c#3 = A;"),
        [
            "yes: constructor `b` removed (old clients send it, and the server cannot read it any more; keep it until they are gone)",
            "yes: constructor `c` added, with the id 00000003 (old clients receive `A` and cannot read this constructor; send it only to clients that announce a newer layer)",
        ]
    );
}

#[test]
fn what_only_lost_functions_lead_to_is_not_met() {
    let old = "a#1 = A; b#2 = A; c#3 = C;\n---functions---\nf#f1 = A; g#f2 = C;";
    let new = "a#1 = A; d#4 = A; c#3 = C;\n---functions---\nf#f9 = A; g#f2 = C;";
    assert_eq!(
        rows(old, new),
        [
            "yes: function `f` has the id 000000f9 instead of 000000f1 (old clients send the old id, which the server cannot read any more; keep the old line under another name, with its id)",
            "no: constructor `b` removed (old clients never send it, and now never receive it)",
            "no: constructor `d` added, with the id 00000004 (old clients only send `A`, or never meet it)",
        ]
    );
}

#[test]
fn an_id_is_of_a_constructor_or_of_a_function() {
    assert_eq!(
        rows("a#1 = A;", "b#2 = B;\n---functions---\na#1 = B;"),
        [
            "yes: the id 00000001 of constructor `a` now means function `a` (one side takes it for something else)",
            "no: type `B` added, with `b` (old clients do not know it, and nothing makes them)",
        ]
    );
}

#[test]
fn a_bare_field_holds_its_one_constructor() {
    let old = "p#1 x:int = P; w#2 p:%P l:vector<p> = W;\n---functions---\nf#f1 = W;";
    assert_eq!(rows(old, &old.replace("%P", "p")), [""; 0], "two spellings of one form");
    assert_eq!(
        rows(old, &old.replace("l:vector<p>", "l:Vector<p>")),
        [
            "yes: constructor `w`: field `l:vector<p>` is now `l:Vector<p>` (the same bytes are read as something else; it needs a new id)"
        ]
    );
    assert_eq!(
        rows(old, &old.replace("p#1 x:int", "p#1 x:long")),
        [
            "yes: constructor `p`: field `x:int` is now `x:long` (the same bytes are read as something else; it needs a new id)"
        ]
    );
}

#[test]
fn a_layer_rises_with_each_change_of_what_is_sent() {
    let layers = [
        (
            "// LAYER 2",
            "// LAYER 2",
            "no: the layer is still 2 (raise it, or a server cannot tell old clients from new ones)",
        ),
        (
            "// LAYER 2",
            "// LAYER 1",
            "no: layer 1 instead of 2 (a layer only rises: this number has another meaning)",
        ),
        (
            "// LAYER 2",
            "",
            "no: layer none instead of 2 (a layer only rises: this number has another meaning)",
        ),
        ("", "// LAYER 2", "no: layer 2 instead of none (old clients announce theirs)"),
    ];
    for (old, new, row) in layers {
        let added =
            "no: type `B` added, with `b` (old clients do not know it, and nothing makes them)";
        assert_eq!(rows(&format!("{old}\na = A;"), &format!("{new}\na = A; b = B;")), [added, row]);
    }
    let documented = "no: constructor `a` is documented differently (documentation is not sent)";
    let new = "// LAYER 2\n//@description One\na = A;";
    assert_eq!(rows("// LAYER 2\na = A;", new), [documented], "words need no new layer");
}

#[test]
fn only_the_binary_form_makes_a_change_break() {
    let parse = |text| Schema::parse(text).unwrap();
    let breaks = |old, new| diff(&parse(old), &parse(new)).iter().any(|change| change.breaks());
    assert!(breaks("a#1 = A; b#2 = A;", "a#1 = A;"));
    assert!(!breaks("a#1 = A;", "b#1 = A;"));
}
