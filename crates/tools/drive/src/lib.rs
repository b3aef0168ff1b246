//! Everything that acts as a customer or a stranger for a test: mixed [load] at a constant rate, and [attacks](attack)
//! while the latency of other customers is measured.

pub mod account;
pub mod arrivals;
pub mod attack;
pub mod latencies;
pub mod load;
pub mod tally;
