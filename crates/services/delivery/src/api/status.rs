//! The location and progress of a delivery, as its user sees them.

use crate::{
    model::{Location, Status},
    repository::Shown,
};

/// Where the order is: at the shop, at a cell, or at its address.
pub fn current_location(shown: &Shown) -> String {
    match (&shown.trip, shown.delivery.status) {
        (_, Status::Delivered) => "Delivered to address".to_owned(),
        (Some(trip), _) => cell(trip.location),
        (None, _) => "Processing".to_owned(),
    }
}

fn cell(location: Location) -> String {
    format!("({}, {})", location.x(), location.y())
}

/// The progress in per cent.
pub fn progress(shown: &Shown) -> i32 {
    match (&shown.trip, shown.delivery.status) {
        (_, Status::Delivered) => 100,
        (Some(trip), _) => trip.progress(),
        (None, _) if shown.delivery.state == crate::model::State::Created => 10,
        (None, _) => 0,
    }
}
