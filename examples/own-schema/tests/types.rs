//! The generated types at work: a call and its answer, their JSON form, and the schema that the
//! program carries.

use odnix_own_schema::{
    LAYER, Object, Request, SCHEMA,
    enums::{self, Period},
    functions, types,
};
use odnix_tl::{
    Bytes, Decode, DecodeError, Encode, Function, OrUnknown, Raw,
    schema::{Definition, Schema},
};
use serde_json::json;

/// What a function returns.
type Return<F> = <F as Function>::Return;

fn ada() -> types::people::Person {
    types::people::Person { admin: true, id: 1, name: "Ada".to_owned(), photo: None }
}

fn item() -> types::items::Item {
    types::items::Item {
        done: false,
        id: 7,
        title: "Water the plants".to_owned(),
        owner: Some(ada()),
        due: Some(20_000),
        tags: vec!["home".to_owned()],
    }
}

fn summary() -> types::stats::Summary {
    types::stats::Summary {
        period: Period::PeriodAlways,
        open: 3,
        oldest: Some(item().into()),
        rows: vec![types::stats::Row { person: ada(), done: 2 }],
    }
}

#[test]
fn a_call_arrives_as_it_was_made() {
    let call = functions::items::Add {
        title: "Water the plants".to_owned(),
        due: None,
        tags: vec!["home".to_owned(), "garden".to_owned()],
    };
    let bytes = call.to_bytes().expect("bytes");
    assert_eq!(bytes.len() % 4, 0);
    assert_eq!(Request::from_bytes(bytes).expect("a call"), Request::ItemsAdd(call));
}

#[test]
fn a_call_inside_a_call_is_read_when_the_server_gets_there() {
    let call = functions::items::SetDone { id: 7, done: true };
    let outer = functions::InLanguage {
        language: "de".to_owned(),
        query: Raw(call.to_bytes().expect("bytes")),
    };
    let request = Request::from_bytes(outer.to_bytes().expect("bytes")).expect("a call");
    let Request::InLanguage(functions::InLanguage { language, query }) = request else {
        panic!("another call: {request:?}");
    };
    assert_eq!(language, "de");
    assert_eq!(Request::from_bytes(query.0).expect("a call"), Request::ItemsSetDone(call));
}

#[test]
fn an_answer_is_what_the_function_returns() {
    let answer: Return<functions::items::Get> =
        vec![item().into(), types::items::ItemDeleted { id: 6 }.into()];
    let bytes = answer.to_bytes().expect("bytes");
    assert_eq!(Return::<functions::items::Get>::from_bytes(bytes).expect("an answer"), answer);

    let answer: Return<functions::stats::Get> = summary();
    let bytes = answer.to_bytes().expect("bytes");
    assert_eq!(Object::from_bytes(bytes).expect("a value"), Object::StatsSummary(answer));
}

#[test]
fn the_json_form_has_the_names_of_the_schema() {
    let ada = json!({"_": "people.person", "admin": true, "id": "1", "name": "Ada"});
    let expected = json!({
        "_": "stats.summary",
        "period": {"_": "periodAlways"},
        "open": 3,
        "oldest": {
            "_": "items.item",
            "done": false,
            "id": "7",
            "title": "Water the plants",
            "owner": ada,
            "due": 20_000,
            "tags": ["home"],
        },
        "rows": [{"_": "stats.row", "person": ada, "done": 2}],
    });
    assert_eq!(serde_json::to_value(summary()).expect("JSON"), expected);
    let read: types::stats::Summary = serde_json::from_value(expected).expect("a summary");
    assert_eq!(read, summary());
}

#[test]
fn an_item_of_a_newer_layer_is_kept() {
    let newer = Bytes::from_static(&[0xef, 0xbe, 0xad, 0xde, 7, 0, 0, 0]);
    let error = enums::items::Item::from_bytes(newer.clone()).expect_err("unknown here");
    assert!(matches!(error, DecodeError::UnknownConstructor { id: 0xdead_beef, .. }));

    let kept = OrUnknown::<enums::items::Item>::from_bytes(newer.clone()).expect("kept");
    let OrUnknown::Unknown(unknown) = &kept else { panic!("read as {kept:?}") };
    assert_eq!(unknown.id(), Some(0xdead_beef));
    assert_eq!(kept.to_bytes().expect("bytes"), newer);

    let known: enums::items::Item = item().into();
    let read = OrUnknown::from_bytes(known.to_bytes().expect("bytes")).expect("an item");
    assert_eq!(read, OrUnknown::Known(known));
}

#[test]
fn a_password_is_not_in_the_debug_form() {
    let call = functions::people::SignIn { name: "ada".to_owned(), password: "0451".to_owned() };
    assert_eq!(format!("{call:?}"), "SignIn { .. }");
}

#[test]
fn the_program_carries_the_schema() {
    let lines = |text: &str| -> Vec<String> {
        let schema = Schema::parse(text).expect("a schema");
        schema.definitions.iter().map(Definition::to_string).collect()
    };
    let file = include_str!("../schema/app.tl");
    assert_eq!(lines(SCHEMA.text()), lines(file));
    assert_eq!(LAYER, 1);
}
