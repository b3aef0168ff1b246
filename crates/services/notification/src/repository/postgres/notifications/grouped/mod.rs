//! Changes of the queue that are written in groups: one statement decides all requests of a group.

pub mod claim;
pub mod queue;
pub mod set_chat;
pub mod settle;
