//! Statements that read or change a group of orders at once. If a statement skips an order, the caller executes a
//! separate statement for that order, which also determines the reason of a refusal. Rows are locked in ascending
//! order, so that the statements of two replicas do not deadlock.

pub mod attempts;
pub mod orders;
