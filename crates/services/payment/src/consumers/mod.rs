//! The events that payment consumes, a file each.

mod order_cancelled;

pub use order_cancelled::order_cancelled;
