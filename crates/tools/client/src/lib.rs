//! A typed client of a running system, which checks every response against the contract.

pub mod customer;
pub mod delivery;
pub mod response;
pub mod shop;
pub mod trust;
