//! Statements that change a group of payments at once.

pub mod begin;
pub mod settle;
