//! The whole service over real PostgreSQL and Kafka, with stand-ins for iam, order and geo.

mod baskets;
mod fixture;
mod grpc;
mod http;
mod shop;

use fixture::Fixture;
