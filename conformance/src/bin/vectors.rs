//! Writes the vectors into `conformance/vectors/`.

use odnix_conformance::vectors;
use std::{fs, io};

fn main() -> io::Result<()> {
    let folder = vectors::folder();
    for (name, value) in vectors::all() {
        let path = folder.join(format!("{name}.json"));
        let text = vectors::render(&value);
        println!("{}: {} bytes", path.display(), text.len());
        fs::write(path, text)?;
    }
    Ok(())
}
