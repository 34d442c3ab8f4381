//! Criterion benches of the Odnix crates beside their peers; run them with `cargo bench`.
