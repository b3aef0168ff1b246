//! Statements that change the reservations of a group of orders at once, in the common cases: an order without a
//! reservation reserves, a held reservation is confirmed, a reservation that holds stock is committed. In all other
//! cases the caller executes a separate statement for the order.
//!
//! All statements have the same lock order: parts by ascending UUID, then reservations by ascending UUID.

pub mod commit;
pub mod confirm;
pub mod reserve;
