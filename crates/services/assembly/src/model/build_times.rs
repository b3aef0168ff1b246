//! How long ships are built, and how many builds fail. Both are drawn at random.

use std::time::Duration;

use contracts::ids::{OrderId, UserId};
use rand::RngExt as _;

use super::NewJob;

/// The range of build times, and the share of builds that fail.
#[derive(Clone, Copy, Debug)]
pub struct BuildTimes {
    pub min: Duration,
    pub max: Duration,
    /// A share from 0 to 1.
    pub failure_rate: f64,
}

impl BuildTimes {
    /// Draws the build time of a ship, and whether its build fails.
    pub fn draw(&self, order: OrderId, user: UserId) -> NewJob {
        let build_time = rand::rng().random_range(self.min..=self.max);
        let fails = rand::rng().random_bool(self.failure_rate);
        NewJob { order, user, build_time, fails }
    }
}
