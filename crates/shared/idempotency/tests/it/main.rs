//! Tests of the keys in memory and in a real PostgreSQL.

mod both;
mod killed;
mod postgres;
mod statement;
mod store;
