//! Language-neutral vectors and black-box checks of the Odnix protocol.
