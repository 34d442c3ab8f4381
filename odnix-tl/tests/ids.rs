//! Constructor ids: what the schemas declare against the CRC32 rule.

use std::collections::BTreeMap;

use odnix_tl::schema::Schema;

const SCHEMAS: [&str; 2] =
    [include_str!("../schema/mtproto.tl"), include_str!("../schema/odnix.tl")];

#[test]
fn every_line_declares_the_crc32_of_its_text() {
    for text in SCHEMAS {
        for line in Schema::parse(text).unwrap().definitions {
            assert_eq!(line.declared_id, Some(line.computed_id()), "{line}");
        }
    }
}

#[test]
fn both_schemas_together_have_each_id_once() {
    let mut names = BTreeMap::new();
    for text in SCHEMAS {
        for line in Schema::parse(text).unwrap().definitions {
            let first = names.insert(line.id(), line.name.clone());
            assert_eq!(first, None, "{line}");
        }
    }
}

#[test]
fn the_layer_of_a_schema_is_a_constant_of_its_module() {
    assert_eq!(Schema::parse(SCHEMAS[1]).unwrap().layer, Some(1));
    assert_eq!(odnix_tl::odnix::LAYER, 1);
}
