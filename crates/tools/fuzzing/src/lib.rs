//! Properties that must hold for any input from outside: one for each kind of decoder and validator that the input
//! reaches, as a function of bytes.
//!
//! The tests of this crate check them with proptest, and the targets in `fuzz/` with libFuzzer. A property that does
//! not hold panics with the reason.

mod access_tokens;
mod consumers;
mod events;
mod grpc;
mod http;
mod identifiers;
mod input;
mod message;
mod service_tokens;
mod system;
mod words;

pub use access_tokens::access_tokens;
pub use consumers::consumers;
pub use events::events;
pub use grpc::grpc;
pub use http::http;
pub use identifiers::identifiers;
pub use service_tokens::tokens;
