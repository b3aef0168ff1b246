//! The repositories, in PostgreSQL.

mod notifications;
mod offsets;
