//! Programs that embed the Odnix crates; run one with `cargo run --release --example NAME`.
