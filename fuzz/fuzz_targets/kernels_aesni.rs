#![no_main]

use libfuzzer_sys::fuzz_target;
use odnix_kernels::Level;

fuzz_target!(|input: &[u8]| odnix_fuzz::kernels::run(Level::AesNi, input));
