//! Properties that must hold for any input from outside: for each decoder and validator that input reaches, one
//! property as a function of bytes.
//!
//! The tests of this crate check them with proptest, and the targets in `fuzz/` with libFuzzer. A violated property
//! panics with the reason.

mod access_tokens;
mod events;
mod identifiers;
mod input;
mod message;
mod service_tokens;
mod words;

pub use access_tokens::access_tokens;
pub use events::events;
pub use identifiers::identifiers;
pub use service_tokens::tokens;
