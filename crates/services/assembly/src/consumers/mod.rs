//! The consumed events, one per file.

mod order_paid;

use contracts::events::Subscription;
pub use order_paid::order_paid;
use platform::random::Random;

use crate::{model::BuildTimes, service::AssemblyService};

pub fn all(service: &AssemblyService, times: BuildTimes, random: Random) -> [Subscription; 1] {
    [order_paid(service.clone(), times, random)]
}
