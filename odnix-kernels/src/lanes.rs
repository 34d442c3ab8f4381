//! Many streams or messages side by side: which of them is in which lane, whatever a lane is.

pub(crate) mod messages;
pub(crate) mod streams;

use crate::Block;

/// Writes zeros that the compiler may not leave out.
pub(crate) fn wipe(blocks: &mut [Block]) {
    for block in blocks {
        // SAFETY: the reference is to 16 bytes nobody else refers to.
        #[expect(unsafe_code, reason = "a store that is not left out, 16 bytes at a time")]
        unsafe {
            core::ptr::write_volatile(block, [0; 16]);
        }
    }
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
}
