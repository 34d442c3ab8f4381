//! Inputs to start from: objects of every line of both schemas, as bytes and as JSON, the
//! schemas themselves, and what the vectors of `conformance/vectors/` hold.

#[path = "../../odnix-tl/tests/walk/mod.rs"]
#[allow(dead_code, reason = "the tests of odnix-tl use the rest")]
mod walk;

mod vectors;

use chacha20::ChaCha20Rng;
use odnix_tl::schema::Schema;
use rand_core::{Rng, SeedableRng};
use walk::Walk;

const SCHEMAS: [&str; 3] = [
    include_str!("../../odnix-tl/schema/mtproto.tl"),
    include_str!("../../odnix-tl/schema/odnix.tl"),
    include_str!("../../odnix-tl/tests/everything/everything.tl"),
];

/// How many objects of each line: the shortest one, and others.
const OBJECTS: u64 = 4;

/// Of each target that has seeds, its name and its seeds.
pub fn all() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let (mut bytes, mut json) = (Vec::new(), Vec::new());
    for text in SCHEMAS.iter().take(2) {
        let schema = Schema::parse(text).expect("a schema of ours");
        for (definition, number) in schema
            .definitions
            .iter()
            .flat_map(|line| (0..OBJECTS).map(move |number| (line, number)))
        {
            let mut random = ChaCha20Rng::seed_from_u64(number);
            let mut entropy = vec![0; usize::try_from(number * 100).unwrap_or_default()];
            random.fill_bytes(&mut entropy);
            let mut walk = Walk::new(&schema, &entropy);
            json.push(walk.boxed(definition).to_string().into_bytes());
            bytes.push(walk.bytes);
        }
    }
    let mut all = vec![("tl_decode", bytes), ("tl_json", json), ("tl_schema", schemas())];
    all.extend(vectors::all());
    all
}

/// Whole schemas, and each of their lines.
fn schemas() -> Vec<Vec<u8>> {
    let lines = SCHEMAS.iter().flat_map(|text| text.split_inclusive(';'));
    SCHEMAS.iter().copied().chain(lines).map(|text| text.as_bytes().to_vec()).collect()
}
