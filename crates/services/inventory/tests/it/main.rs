//! The service's tests: the contract of its stores over memory and PostgreSQL, contention, and the API of a service that runs.

#![expect(clippy::unwrap_used, reason = "what helps a test may panic as the test may")]

mod api;
mod contention;
mod contract;
mod events;
mod fixture;
mod indexes;
mod random;
mod service;
mod stock_api;
mod times;
