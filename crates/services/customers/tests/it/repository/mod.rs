//! The repository.

mod loans;
mod odd_rows;
mod profiles;
mod store;
