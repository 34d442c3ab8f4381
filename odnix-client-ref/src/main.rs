//! The odnix-client binary.
fn main() {}
