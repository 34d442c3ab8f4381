//! Requests to valgrind's memcheck, as `valgrind.h` and `memcheck.h` define them.
//!
//! Concealed bytes are bytes that memcheck takes for uninitialized. It follows them bit by bit
//! through copies and arithmetic, and reports each branch and each address that depends on one.

use core::arch::asm;
use core::mem::size_of_val;

#[cfg(not(target_arch = "x86_64"))]
compile_error!("the requests to valgrind are written for x86-64");

const RUNNING_ON_VALGRIND: usize = 0x1001;
const MEMCHECK: usize = 0x4d43_0000; // "MC"
const MAKE_MEM_UNDEFINED: usize = MEMCHECK + 1;
const GET_VBITS: usize = MEMCHECK + 8;

/// Valgrind knows these instructions, which do nothing, and puts its answer into `rdx`.
#[cfg(target_arch = "x86_64")]
fn request(code: usize, address: usize, second: usize, third: usize) -> usize {
    let arguments = [code, address, second, third, 0, 0];
    let answer: usize;
    // SAFETY: the rotations add up to 128 bits and the exchange is with itself, so without
    // valgrind no register changes; with it, `rdx` does. `arguments` outlives the block.
    unsafe {
        asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") 0_usize => answer,
            options(nostack),
        );
    }
    answer
}

/// Whether anybody is watching.
pub fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, 0, 0, 0) != 0
}

/// Declares bytes secret, wherever they go from now on.
#[inline(never)]
pub fn conceal(bytes: *const [u8]) {
    request(MAKE_MEM_UNDEFINED, bytes.cast::<u8>().addr(), bytes.len(), 0);
}

/// Whether any bit of 16 bytes at `start` came from concealed bytes.
#[inline(never)]
pub fn is_concealed(start: *const u8) -> bool {
    let mut undefined_bits = [0_u8; 16];
    let answer = request(
        GET_VBITS,
        start.addr(),
        undefined_bits.as_mut_ptr().addr(),
        size_of_val(&undefined_bits),
    );
    // The assembly wrote to the array without naming it.
    answer == 1 && core::hint::black_box(undefined_bits) != [0; 16]
}
