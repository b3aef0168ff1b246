//! The nine invariants, one module each.

mod balances;
mod bounds;
mod dead_letters;
mod effects;
mod money;
mod orders;
mod publication;
mod sessions;
mod stock;
mod telling;
mod waived;

pub use self::waived::waive;
use crate::{Facts, Finding};

pub const ALL: [fn(&Facts) -> Finding; 9] = [
    orders::check,
    money::check,
    stock::check,
    publication::check,
    effects::check,
    telling::check,
    bounds::check,
    dead_letters::check,
    sessions::check,
];
