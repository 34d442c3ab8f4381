//! The reference page: exact text of small schemas, links that lead somewhere, and examples
//! that are what they claim to be.
#![cfg(feature = "serde")]

#[allow(dead_code, reason = "what is read by name only needs no other use")]
mod everything;

use std::collections::BTreeSet;

use odnix_tl::{
    mtproto, odnix,
    schema::{MarkdownOptions, Schema, markdown},
};
use serde_json::Value;

#[path = "../examples/generate.rs"]
#[allow(dead_code, reason = "only the table of pages is wanted")]
mod example;

const PLAIN: MarkdownOptions<'static> =
    MarkdownOptions { title: "Page", intro: "Words.", samples: &[] };

const SCHEMAS: [&str; 3] = [
    include_str!("../schema/mtproto.tl"),
    include_str!("../schema/odnix.tl"),
    include_str!("everything/everything.tl"),
];

fn page(schema: &str, options: &MarkdownOptions<'_>) -> String {
    markdown(&Schema::parse(schema).unwrap(), options)
}

/// The section under `heading`, up to the next heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n{heading}\n\n")).expect(heading);
    rest.split("\n#").next().unwrap().trim_end()
}

/// The anchors GitHub makes of the headings, in their order.
fn anchors(page: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for heading in page.lines().filter(|line| line.starts_with('#')) {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|next| next.is_alphanumeric() || " -_".contains(*next));
        let anchor: String = kept.map(|next| if next == ' ' { '-' } else { next }).collect();
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let mut names = std::iter::once(anchor.clone()).chain(numbered);
        anchors.push(names.find(|name| !anchors.contains(name)).unwrap());
    }
    anchors
}

fn links(page: &str) -> BTreeSet<String> {
    let links = page.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap().to_owned());
    links.collect()
}

fn examples(page: &str) -> Vec<&str> {
    page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_page_of_a_small_schema() {
    let schema = "// LAYER 3
//@description Someone
user#74e5ad7d id:long = User;
---functions---
//@description Looks someone up
users.get#62599f27 name:string = User;";
    let expected = r##"# Page

Words.

Layer 3: functions: 1, types: 1, constructors: 1.

LEGEND

## Contents

| namespace | functions | types |
|---|---|---|
| (none) | | [`User`](#type-user) |
| `users` | [`users.get`](#usersget) | |

## Functions

### Functions of `users`

#### `users.get`

Id: `62599f27`

Looks someone up

| parameter | type | description |
|---|---|---|
| `name` | string | |

Returns [User](#type-user).

```tl
users.get#62599f27 name:string = User;
```

```json
{"_": "users.get", "name": "text"}
```

## Types

### Types without a namespace

#### Type `User`

Returned by [`users.get`](#usersget).

##### Constructor `user`

Id: `74e5ad7d`

Someone

| field | type | description |
|---|---|---|
| `id` | long | |

```tl
user#74e5ad7d id:long = User;
```

```json
{"_": "user", "id": "1"}
```
"##;
    let page = page(schema, &PLAIN);
    let (before, rest) = page.split_once("Every function and").unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    assert_eq!(format!("{before}LEGEND\n\n{after}"), expected);
}

#[test]
fn each_form_of_a_line_has_its_text() {
    let cases = [
        (
            "a#a8dbc366 flags:# b:flags.3?true c:flags.4?Vector<%A> = A;",
            "##### Constructor `a`",
            "Id: `a8dbc366`\n\n\
             | field | type | optional | description |\n|---|---|---|---|\n\
             | `b` | true | `flags.3` | |\n\
             | `c` | Vector\\<%[A](#type-a)\\> | `flags.4` | |\n\n",
        ),
        ("//@redact\na b:int = A;", "##### Constructor `a`", "Its fields are kept out of logs.\n"),
        (
            "//@description *a* _b_ <c> `d` | [e](f) & \\\n//@description 1. #\n//@description # 2.\n//@b - |\na b:int = A;",
            "##### Constructor `a`",
            "\n\\*a\\* \\_b\\_ \\<c\\> \\`d\\` \\| \\[e\\](f) \\& \\\\\n\n1\\. #\n\n\\# 2.\n\n\
             | field | type | description |\n|---|---|---|\n| `b` | int | \\- \\| |\n",
        ),
        ("a = A; b x:a = B;", "##### Constructor `b`", "| `x` | [a](#constructor-a) | |"),
        ("a = A; b x:a = B;", "#### Type `A`", "Part of [`b`](#constructor-b)."),
        (
            "a_b = A_b; ---functions---\nf {X:Type} q:!X = X; g = Vector<A_b>; h = Bool;",
            "#### `f`",
            "| `q` | \\!X | |\n\nReturns what the call in `q` returns.",
        ),
        (
            "a_b = A_b; ---functions---\ng = Vector<A_b>;",
            "#### `g`",
            "Returns Vector\\<[A_b](#type-a_b)\\>.",
        ),
        ("---functions---\nh = Bool;", "#### `h`", "Returns Bool."),
    ];
    for (schema, heading, text) in cases {
        let page = page(schema, &PLAIN);
        let section = section(&page, heading);
        assert!(section.contains(text), "{schema}\n{section}");
    }
}

#[test]
fn examples_end_and_show_what_was_asked_for() {
    let lists = "nil = List; cons head:int tail:List = List; tree of:Vector<Tree> = Tree;
        endless of:Endless = Endless; some of:List = Some;";
    let options = MarkdownOptions {
        samples: &[("head:int", "7"), ("of:List", "cons"), ("tail:List", "cons")],
        ..PLAIN
    };
    let cases = [
        ("cons", r#"{"_": "cons", "head": 7, "tail": {"_": "nil"}}"#),
        ("tree", r#"{"_": "tree", "of": []}"#),
        ("some", r#"{"_": "some", "of": {"_": "cons", "head": 7, "tail": {"_": "nil"}}}"#),
    ];
    let page = page(lists, &options);
    for (name, example) in cases {
        let section = section(&page, &format!("##### Constructor `{name}`"));
        assert_eq!(examples(section), [format!("{example}\n")], "{name}");
    }
    assert!(examples(section(&page, "##### Constructor `endless`")).is_empty());
}

#[test]
fn headings_that_differ_in_signs_only_have_anchors_of_their_own() {
    let page = page("---functions---\na.bC = Bool; aBc = Bool; ab.c = Bool;", &PLAIN);
    assert_eq!(links(&page), ["abc", "abc-1", "abc-2"].map(str::to_owned).into());
    assert!(page.contains("[`a.bC`](#abc-1)"), "{page}");
}

#[test]
fn every_link_leads_to_a_heading() {
    for schema in SCHEMAS {
        let page = page(schema, &PLAIN);
        let anchors = anchors(&page);
        let unique: BTreeSet<String> = anchors.iter().cloned().collect();
        assert_eq!(unique.len(), anchors.len());
        let links = links(&page);
        assert!(links.len() > 20);
        let missing: Vec<_> = links.difference(&unique).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

macro_rules! examples_are_values {
    ($name:ident, $module:ident, $page:expr) => {
        #[test]
        fn $name() {
            let page: String = $page;
            let (functions, types) = page.split_once("\n## Types\n").unwrap();
            for example in examples(functions) {
                let value: $module::Request = serde_json::from_str(example).expect(example);
                assert_eq!(
                    serde_json::from_str::<Value>(example).unwrap()["_"],
                    value.constructor_name()
                );
            }
            for example in examples(types) {
                let value: $module::Object = serde_json::from_str(example).expect(example);
                let again = serde_json::to_string(&value).unwrap();
                assert_eq!(serde_json::from_str::<$module::Object>(&again).unwrap(), value);
            }
            let lines = page.matches("```tl\n").count();
            assert_eq!(examples(&page).len(), lines, "an example for each line");
        }
    };
}

examples_are_values!(examples_of_mtproto_are_values, mtproto, page(SCHEMAS[0], &PLAIN));
examples_are_values!(examples_of_everything_are_values, everything, page(SCHEMAS[2], &PLAIN));
examples_are_values!(examples_of_the_odnix_page_are_values, odnix, {
    let [only] = example::PAGES;
    std::fs::read_to_string(example::path(only.page)).unwrap()
});

#[test]
fn every_line_of_the_odnix_layer_is_described() {
    let schema = Schema::parse(SCHEMAS[1]).unwrap();
    let bare: Vec<_> = schema.definitions.iter().filter(|line| line.docs.is_empty()).collect();
    assert!(bare.is_empty(), "{bare:?}");
}
