//! The running service with its database, broker, a checker that misbehaves, and a payment that keeps books.

mod fixture;
mod loans;
mod payment;
mod privacy;
mod profiles;

use fixture::Fixture;
