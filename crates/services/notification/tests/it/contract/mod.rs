//! The contract suites of the repositories, run over the in-memory implementation and PostgreSQL.

mod notifications;
mod offsets;
