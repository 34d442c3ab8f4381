//! The types of a whole public schema beside those that another generator made of it.
//!
//! Objects are made up from the schema alone. Each library reads what the other one wrote, both
//! write the same bytes, and both agree on the value of every field.
//!
//! The public schema has no bare types, no vectors of vectors, and no `int128`: those are tested
//! with the schema of `odnix-tl/tests/everything`.

mod compare;
mod functions;
mod types;
#[path = "../../../../odnix-tl/tests/walk/mod.rs"]
mod walk;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    fs,
    sync::LazyLock,
};

use grammers_tl_types::{Cursor, Deserializable, RemoteCall, Serializable, deserialize};
use odnix_tl::{
    Bytes, Decode, Encode, Function,
    schema::{Definition, FieldType, Kind, Schema, Type},
};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::Value;
use walk::Walk;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let text = fs::read_to_string(env!("ODNIX_PUBLIC_SCHEMA_PATH")).expect("the schema is there");
    Schema::parse(&text).expect("the build script parsed it too")
});

/// One type, or one function, in both libraries.
pub struct Row {
    /// The name in the schema.
    pub name: &'static str,
    /// Which of both.
    pub kind: Kind,
    /// Whether both agree on these bytes, whose JSON form is the second argument.
    pub value: fn(&[u8], &Value) -> Outcome,
    /// The same for what a function returns.
    pub answer: Option<fn(&[u8]) -> Outcome>,
}

/// Otherwise what the difference is.
pub type Outcome = Result<(), String>;

/// All lines of the schema that are in the table, each with its row.
static LINES: LazyLock<Vec<(&Row, &Definition)>> = LazyLock::new(|| {
    let mut by_name = BTreeMap::<_, Vec<_>>::new();
    for line in &SCHEMA.definitions {
        by_name.entry((line.kind, row_name(line))).or_default().push(line);
    }
    let lines = |row: &'static Row| {
        let lines = by_name.get(&(row.kind, row.name.to_owned()));
        let lines = lines.unwrap_or_else(|| panic!("{} is not in the schema", row.name)).iter();
        lines.map(move |line| (row, *line)).collect::<Vec<_>>()
    };
    types::TYPES.iter().chain(functions::FUNCTIONS).flat_map(lines).collect()
});

/// The name of the row that a line of the schema belongs to.
fn row_name(line: &Definition) -> String {
    match line.kind {
        Kind::Constructor => line.result.to_string(),
        Kind::Function => line.name.to_string(),
    }
}

/// What both libraries can do with a value.
pub trait Ours: Encode + Decode + Serialize + PartialEq + Debug {}
impl<T: Encode + Decode + Serialize + PartialEq + Debug> Ours for T {}
/// The same, by the names of the other library.
pub trait Theirs: Deserializable + Serializable + Serialize {}
impl<T: Deserializable + Serializable + Serialize> Theirs for T {}

/// Compares the values of a type.
pub fn same_type<A: Ours, B: Theirs>(bytes: &[u8], json: &Value) -> Outcome {
    let (ours, theirs) = same_bytes::<A, B>(bytes, 0)?;
    compare::values(&ours, &theirs)?;
    same("our JSON is not what the schema says", &ours, json)
}

/// Compares calls of a function. Theirs write the id of a function, but do not read it.
pub fn same_function<A: Ours, B: Theirs>(bytes: &[u8], json: &Value) -> Outcome {
    let (ours, theirs) = same_bytes::<A, B>(bytes, 4)?;
    compare::fields(&ours, &theirs)?;
    same("our JSON is not what the schema says", &ours, json)
}

/// Compares what a function returns.
pub fn same_answer<A, B>(bytes: &[u8]) -> Outcome
where
    A: Function<Return: Ours>,
    B: RemoteCall<Return: Theirs>,
{
    let (ours, theirs) = same_bytes::<A::Return, B::Return>(bytes, 0)?;
    compare::values(&ours, &theirs)
}

/// Each reads what the other one wrote. Gives the JSON forms of both.
fn same_bytes<A: Ours, B: Theirs>(bytes: &[u8], id_len: usize) -> Result<(Value, Value), String> {
    let read = |bytes| A::from_bytes(bytes).map_err(|error| format!("we do not read it: {error}"));
    let ours = read(Bytes::copy_from_slice(bytes))?;
    let our_bytes = ours.to_bytes().map_err(|error| format!("we do not write it: {error}"))?;
    same("we write other bytes", our_bytes.as_ref(), bytes)?;
    let theirs = B::from_bytes(&our_bytes[id_len..])
        .map_err(|error| format!("they do not read what we wrote: {error}"))?;
    let their_bytes = theirs.to_bytes();
    same("they write other bytes", their_bytes.as_slice(), bytes)?;
    same("we read another value", &read(their_bytes.into())?, &ours)?;
    let ours = serde_json::to_value(&ours).map_err(|error| error.to_string())?;
    let theirs = serde_json::to_value(&theirs).map_err(|error| error.to_string())?;
    Ok((ours, theirs))
}

fn same<T: PartialEq + Debug + ?Sized>(what: &str, left: &T, right: &T) -> Outcome {
    if left == right { Ok(()) } else { Err(format!("{what}: {left:?}, not {right:?}")) }
}

/// What theirs hold for the query of `!X`: all bytes that remain.
#[derive(Serialize)]
pub struct Rest(Vec<u8>);

impl Deserializable for Rest {
    fn deserialize(from: &mut Cursor<'_>) -> deserialize::Result<Self> {
        let mut rest = Vec::new();
        from.read_to_end(&mut rest)?;
        Ok(Self(rest))
    }
}

impl Serializable for Rest {
    fn serialize(&self, to: &mut impl Extend<u8>) {
        to.extend(self.0.iter().copied());
    }
}

impl RemoteCall for Rest {
    type Return = Self;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn both_agree_on_every_byte_and_every_field(
        entropy in prop::collection::vec(any::<u8>(), 0..800),
    ) {
        for (row, line) in LINES.iter() {
            let mut walk = Walk::new(&SCHEMA, &entropy);
            let json = walk.boxed(line);
            let outcome = (row.value)(&walk.bytes, &json);
            prop_assert_eq!(outcome, Ok(()), "{}", line);
            if let Some(answer) = row.answer {
                let mut walk = Walk::new(&SCHEMA, &entropy);
                walk.value(line, &line.result);
                prop_assert_eq!(answer(&walk.bytes), Ok(()), "answer to {}", line);
            }
        }
    }
}

/// What the fields and the result of a line look like, whatever they are named.
fn forms(line: &Definition) -> BTreeSet<String> {
    let form = |ty: &Type| {
        let is_built_in = !ty.name.is_boxed() || ty.name.is("Bool") || ty.argument.is_some();
        let is_param = line.type_params.iter().any(|param| ty.name.is(param));
        match &ty.argument {
            Some(item) if item.name.is_boxed() => "Vector<T>".to_owned(),
            _ if is_built_in || is_param => ty.to_string(),
            _ => "T".to_owned(),
        }
    };
    let mut forms: BTreeSet<_> = line
        .fields
        .iter()
        .map(|field| match &field.ty {
            FieldType::Word => format!("{}:#", field.name),
            FieldType::Plain(ty) => form(ty),
            FieldType::Conditional { word, ty, .. } => format!("{word}?{}", form(ty)),
        })
        .collect();
    if line.kind == Kind::Function {
        forms.insert(format!("= {}", form(&line.result)));
    }
    forms
}

/// Constructors of the types that Rust has anyway.
fn is_built_in(line: &Definition) -> bool {
    let is_result = |name: &&str| line.result.name.is(name);
    line.kind == Kind::Constructor && ["Bool", "True", "Null"].iter().any(is_result)
}

#[test]
fn the_table_has_every_combination_of_field_forms() {
    let rows: BTreeSet<_> = LINES.iter().map(|(row, _)| (row.kind, row.name)).collect();
    assert_eq!(rows.len(), types::TYPES.len() + functions::FUNCTIONS.len(), "a row stands twice");
    assert!(rows.len() >= 200, "only {} types and functions", rows.len());
    assert!(LINES.len() >= 800, "only {} lines", LINES.len());

    let tested: BTreeSet<_> = LINES.iter().map(|(_, line)| (line.kind, forms(line))).collect();
    let is_tested = |line: &&Definition| tested.contains(&(line.kind, forms(line)));
    let missing: BTreeMap<_, _> = SCHEMA
        .definitions
        .iter()
        .filter(|line| !is_tested(line) && !is_built_in(line))
        .map(|line| ((line.kind, forms(line)), row_name(line)))
        .collect();
    let add: BTreeSet<_> = missing.into_values().collect();
    assert!(add.is_empty(), "give each of these its row: {add:#?}");
}
