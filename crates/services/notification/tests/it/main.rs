//! Tests by layer: repositories and clients, the sender and the bot with fakes of the messenger and of iam, the whole
//! service.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod bot;
mod clients;
mod fakes;
mod queue;
mod repository;
mod sending;

use contracts::{events::Cause, ids::EventId};
use platform::ids;

/// A new event as the cause of a notification.
fn new_cause() -> Cause {
    Cause { consumer: "group", event: EventId::new(ids::random()) }
}
