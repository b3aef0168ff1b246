//! What outside bytes must never do: a property for each kind of decoder and validator that they reach, as a function of bytes.
//!
//! The tests of this crate try them with proptest; the targets in `fuzz/` with libFuzzer. A property that does not hold panics and says why.

mod consumers;
mod events;
mod grpc;
mod http;
mod identifiers;
mod input;
mod message;
mod system;
mod tokens;
mod words;

pub use consumers::consumers;
pub use events::events;
pub use grpc::grpc;
pub use http::http;
pub use identifiers::identifiers;
pub use tokens::tokens;

/// A property, by the name of its libFuzzer target.
pub type Property = (&'static str, fn(&[u8]));

/// All of them.
pub const PROPERTIES: [Property; 6] = [
    ("http", http),
    ("grpc", grpc),
    ("events", events),
    ("consumers", consumers),
    ("tokens", tokens),
    ("identifiers", identifiers),
];
