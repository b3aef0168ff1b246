//! Background jobs, a file each, and the seeding of the catalogue before the service serves.

mod expire_reservations;
mod seed_catalogue;

pub use expire_reservations::expire_reservations;
pub use seed_catalogue::seed_catalogue;
