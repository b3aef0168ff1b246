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
