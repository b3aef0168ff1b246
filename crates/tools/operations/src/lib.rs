//! Operations on a running system: facts, dead letters, republishing, restocking, session probes.

pub mod databases;
pub mod dead_letter_journal;
pub mod dead_letters;
pub mod facts;
pub mod receipts;
pub mod registry;
pub mod republish_lost_events;
pub mod restock;
pub mod session_probe;
