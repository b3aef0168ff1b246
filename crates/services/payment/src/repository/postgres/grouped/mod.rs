//! Changes of many payments at once, one statement per group.

pub mod begin;
pub mod settle;
