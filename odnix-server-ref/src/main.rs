//! The odnix-server binary.
fn main() {}
