//! The contract suites of the stores and of the payment provider. Each runs its cases over every implementation.

mod provider;
mod store;
mod suite_macro;
