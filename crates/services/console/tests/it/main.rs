//! Tests by layer: the repositories, and the service over real PostgreSQL and Kafka, without the other services.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod account;
mod fixture;
mod holdings;
mod live;
mod operations;
mod operator;
mod operator_actions;
mod orders;
mod pages;
mod receipts;
mod repository;
mod shop;
mod signed_receipts;
mod stand_ins;
mod timeline;
mod tokens;
