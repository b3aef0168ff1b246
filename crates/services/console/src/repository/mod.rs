//! Storage: the timeline of all orders, and the log of operators' actions.

mod actions;
mod postgres;
mod timeline;

pub use actions::{Action, BEGUN, NewAction};
pub use postgres::{MIGRATIONS, PgActions, PgTimeline};
pub use timeline::{Caught, MAX_RECORDS, Timeline};
