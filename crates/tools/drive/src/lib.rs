//! Everything that acts as a customer or a stranger for a test: mixed [load] at a constant rate, [customers] who record
//! every response while faults are injected, and [attacks](attack) while the latency of other customers is measured.

pub mod account;
pub mod arrivals;
pub mod attack;
pub mod customers;
pub mod latencies;
pub mod load;
pub mod tally;
