//! The checks are checked: a shop that is well passes, and each way to break it is found.

mod balances;
mod bounds;
mod dead_letters;
mod effects;
mod money;
mod orders;
mod publication;
mod report;
mod sessions;
mod shop;
mod stock;
mod telling;
