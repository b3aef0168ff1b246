//! The contract suites of the repositories, run over the in-memory implementation and PostgreSQL.

mod alerts;
mod notifications;
mod offsets;
