//! The views: what each page shows, as data with a template. A view renders itself; it reads and decides nothing.

pub mod checkout;
pub mod confirm;
pub mod export;
pub mod failure;
pub mod layout;
pub mod login;
pub mod map;
pub mod operator;
pub mod order;
pub mod orders;
pub mod payments;
pub mod profile;
pub mod receipt;
pub mod register;
pub mod shop;
pub mod summary;
pub mod timeline;
