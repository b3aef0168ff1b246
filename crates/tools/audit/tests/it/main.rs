//! Tests of the checks: a consistent shop passes, and the audit finds each corruption.

mod actions;
mod balances;
mod charges;
mod completions;
mod consumer_effects;
mod customers;
mod dead_letters;
mod deliveries;
mod fixture;
mod intake;
mod notifications;
mod orders;
mod overdue;
mod partial_refunds;
mod publication;
mod receipt;
mod report;
mod sessions;
mod stock;
