//! What Odnix is measured beside: other people's code, called as its users call it.
#![allow(dead_code, reason = "each bench uses a part")]

pub mod grammers;
pub mod naive;
#[cfg(feature = "openssl")]
pub mod openssl;
pub mod packet;
