//! The whole service over real PostgreSQL and Kafka, with stand-ins for iam, the checker and payment.

mod fixture;
mod loans;
mod payment;
mod privacy;
mod profiles;

use fixture::Fixture;
