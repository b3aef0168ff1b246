//! Tests by layer: the contract of the repositories, and the service over real servers, without the other services.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod account;
mod contract;
mod fixture;
mod holdings;
mod live;
mod operations;
mod operator;
mod orders;
mod pages;
mod receipts;
mod stand_ins;
mod timeline;
mod tokens;
