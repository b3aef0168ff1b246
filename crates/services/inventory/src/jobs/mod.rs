//! Jobs, one per file: expiring reservations periodically, and seeding the catalogue at start.

mod expire_reservations;
mod seed_catalogue;

pub use expire_reservations::expire_reservations;
pub use seed_catalogue::seed_catalogue;
