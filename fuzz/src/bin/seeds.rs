//! Writes the seeds of all targets that have some into `fuzz/corpus/TARGET/`.

use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    for (target, seeds) in odnix_fuzz::seeds::all() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:04}")), seed)?;
        }
        println!("{}: {} seeds", folder.display(), seeds.len());
    }
    Ok(())
}
