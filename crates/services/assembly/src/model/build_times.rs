//! How long ships are built, and how many builds fail. Both are drawn at random.

use std::time::Duration;

use contracts::ids::{OrderId, UserId};
use platform::random::Random;

use super::NewBuild;

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
    pub fn draw(&self, random: &Random, order: OrderId, user: UserId) -> NewBuild {
        let build_time = random.between(self.min..=self.max);
        let fails = random.chance(self.failure_rate);
        NewBuild { order, user, build_time, fails }
    }
}
