//! The invariants, one module each.

mod balances;
mod bounds;
mod completions;
mod consumer_effects;
mod customers;
mod dead_letters;
mod deliveries;
mod intake;
mod money;
mod notifications;
mod orders;
mod publication;
mod sessions;
mod stock;
mod waivers;

pub use self::waivers::waive;
use crate::{Facts, Finding};

pub const ALL: [fn(&Facts) -> Finding; 13] = [
    orders::check,
    money::check,
    stock::check,
    publication::check,
    consumer_effects::check,
    notifications::check,
    bounds::check,
    dead_letters::check,
    sessions::check,
    completions::check,
    deliveries::check,
    customers::check,
    intake::check,
];
