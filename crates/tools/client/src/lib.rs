//! A typed client of a running system, which checks every response against the contract.

pub mod addresses;
pub mod bank;
pub mod customer;
pub mod delivery;
pub mod lending;
pub mod response;
pub mod shop;
pub mod trust;
