//! Operations on a running system: facts, receipts, audits, dead letters, lag, outboxes, states of services,
//! republishing, restocking and session probes.

pub mod audit_run;
pub mod backlogs;
pub mod console_operations;
pub mod databases;
pub mod dead_letter_journal;
pub mod dead_letter_queue;
pub mod dead_letters;
pub mod facts;
mod readers;
pub mod receipts;
pub mod registry;
pub mod republish_lost_events;
pub mod restock;
pub mod service_states;
pub mod session_probe;
