//! Changes of the queue for many at once, one statement per group.

pub mod claim;
pub mod queue;
pub mod set_chat;
pub mod settle;
