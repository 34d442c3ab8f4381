//! Draws the state diagrams anew: `cargo run -p odnix-conformance --bin states`.

use odnix_conformance::{house, states};
use std::error::Error;
use std::fs;

fn main() -> Result<(), Box<dyn Error>> {
    let path = house::root().join(states::PAGE);
    let page = states::redrawn(&fs::read_to_string(&path)?)?;
    fs::write(path, page)?;
    Ok(())
}
