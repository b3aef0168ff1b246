//! Draws build times, and which builds fail, at random.

use std::time::Duration;

use contracts::ids::{OrderId, UserId};
use platform::random::Random;

use super::NewBuild;

/// The range of build times, and the share of builds that fail.
#[derive(Clone, Copy, Debug)]
pub struct BuildTimes {
    pub min: Duration,
    pub max: Duration,
    /// 0 to 1.
    pub failure_rate: f64,
}

impl BuildTimes {
    pub fn draw(&self, random: &Random, order: OrderId, user: UserId) -> NewBuild {
        let build_time = random.between(self.min..=self.max);
        let fails = random.chance(self.failure_rate);
        NewBuild { order, user, build_time, fails }
    }
}
