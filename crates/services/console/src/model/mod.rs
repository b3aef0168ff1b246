//! The records of an order, the steps of its timeline, the texts for refusals, and what operators see of the system.

mod operator;
mod record;
mod refusal;
mod step;

pub use operator::{
    Backlog, Breaker, Discarded, Filter, Letter, LetterPage, LetterState, OutboxState, PartitionLag, Plan, Poison,
    Replayed, Resolved, ServiceState, counted,
};
pub use record::{NewRecord, Record};
pub use refusal::refusal;
pub use step::{Detail, Kind, Step};
