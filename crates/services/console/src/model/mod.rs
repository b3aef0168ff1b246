//! What the console knows of an order: the records of its topics, and the steps that they make.

mod record;
mod state;
mod step;

pub use record::{NewRecord, Record};
pub use step::{Kind, Step};
