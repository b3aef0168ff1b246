//! The build of a ship: its states, the event that reports its end, and the build times.

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::ids::{OrderId, UserId};
use platform::random::Random;

/// The state of a build.
///
/// ```text
/// Building ──due──▶ Assembled
///     └──due, build fails──▶ Failed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Building,
    Assembled,
    Failed,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Assembled => "assembled",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Building, Self::Assembled, Self::Failed].into_iter().find(|status| status.as_str() == text)
    }
}

/// A build before it is stored. Its values are drawn when the order is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBuild {
    pub order: OrderId,
    pub user: UserId,
    pub build_time: Duration,
    /// The build will fail.
    pub fails: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    pub order: OrderId,
    pub user: UserId,
    pub status: Status,
    pub build_time_sec: i64,
    pub fails: bool,
    pub started_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl NewBuild {
    /// In whole seconds, rounded up.
    pub fn build_time_sec(&self) -> i64 {
        i64::try_from(self.build_time.as_millis().div_ceil(1000)).unwrap_or(i64::MAX)
    }
}

/// The event that reports the end of a build to other services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Assembled { order: OrderId, user: UserId, build_time_sec: i64 },
    Failed { order: OrderId, user: UserId, reason: &'static str },
}

impl Event {
    /// The event that reports the end of a build once it is due.
    pub const fn end_of(order: OrderId, user: UserId, build_time_sec: i64, fails: bool) -> Self {
        if fails {
            Self::Failed { order, user, reason: "a part did not fit" }
        } else {
            Self::Assembled { order, user, build_time_sec }
        }
    }

    pub const fn order(&self) -> OrderId {
        match self {
            Self::Assembled { order, .. } | Self::Failed { order, .. } => *order,
        }
    }

    /// The status of the build after this event.
    pub const fn status(&self) -> Status {
        match self {
            Self::Assembled { .. } => Status::Assembled,
            Self::Failed { .. } => Status::Failed,
        }
    }
}

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
