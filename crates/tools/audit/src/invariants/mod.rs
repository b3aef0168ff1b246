//! The invariants, one module each.

mod actions;
mod balances;
pub mod charges;
pub mod completions;
mod consumer_effects;
mod customers;
mod dead_letters;
pub mod deliveries;
mod intake;
pub mod notifications;
mod orders;
mod overdue;
mod partial_refunds;
mod publication;
mod reactions;
mod sessions;
pub mod stock;
mod unhandled;

pub use self::{
    consumer_effects::unhandled_events,
    reactions::{Consequences, consequences},
    unhandled::{Unhandled, Waivers},
};
use crate::{Facts, Finding};

/// All invariants, by their numbers in `docs/guarantees.md`.
pub const ALL: [fn(&Facts) -> Finding; 14] = [
    /*  1 */ orders::check,
    /*  2 */ charges::check,
    /*  3 */ stock::check,
    /*  4 */ publication::check,
    /*  5 */ consumer_effects::check,
    /*  6 */ notifications::check,
    /*  7 */ overdue::check,
    /*  8 */ dead_letters::check,
    /*  9 */ sessions::check,
    /* 10 */ completions::check,
    /* 11 */ deliveries::check,
    /* 12 */ customers::check,
    /* 13 */ intake::check,
    /* 14 */ actions::check,
];
