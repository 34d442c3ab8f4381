#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| odnix_fuzz::handshake_client::run(input));
