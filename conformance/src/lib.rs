//! Language-neutral vectors and black-box checks of the Odnix protocol, and of the house it is
//! built in.
//!
//! - `interop/` runs client stacks that nobody here wrote against `odnix-server`.
//! - `vectors/` is what other implementations can compare their bytes with; [`vectors`] makes it.
//! - `tests/` checks what no compiler checks: that the pages in `docs/` say what the code does,
//!   and that the rules of `CONTRIBUTING.md` are kept.
//! - [`crash`] kills real processes and checks that nothing acknowledged is lost.
//! - [`load`] measures the server from end to end.
//! - [`sim`] runs the whole system under faults in virtual time.
//! - [`states`] draws the machines of `odnix-proto` into `docs/states.md`.

pub mod crash;
pub mod house;
pub mod load;
pub mod script;
pub mod sim;
pub mod states;
pub mod vectors;

/// The example of the front page compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
