//! Background jobs, one per file.

mod end_long_actions;
mod follow;
mod remove_old_records;

pub use end_long_actions::end_long_actions;
pub use follow::{follow_couriers, follow_lag, follow_timeline};
use platform::jobs::Job;
pub use remove_old_records::remove_old_records;

use crate::service::{Couriers, LagHistory, Live, LongActions};

pub fn all(live: Live, couriers: Couriers, lag: LagHistory, long_actions: LongActions) -> [Job; 4] {
    [follow_timeline(live), follow_couriers(couriers), follow_lag(lag), end_long_actions(long_actions)]
}
