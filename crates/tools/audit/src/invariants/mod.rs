//! The nine invariants, one module each.

mod balances;
mod bounds;
mod consumer_effects;
mod dead_letters;
mod money;
mod notifications;
mod orders;
mod publication;
mod sessions;
mod stock;
mod waivers;

pub use self::waivers::waive;
use crate::{Facts, Finding};

pub const ALL: [fn(&Facts) -> Finding; 9] = [
    orders::check,
    money::check,
    stock::check,
    publication::check,
    consumer_effects::check,
    notifications::check,
    bounds::check,
    dead_letters::check,
    sessions::check,
];
