//! A ship in the making.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{AssemblyFailed, ShipAssembled};
use platform::outbox;
use uuid::Uuid;

/// ```text
/// Building ──due──▶ Assembled
///     └──due, and it fails──▶ Failed
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

/// A ship that is to be built, as it is decided when its order is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    pub order: Uuid,
    pub user: Uuid,
    pub build_time: Duration,
    /// True when it will turn out that it cannot be built.
    pub fails: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub order: Uuid,
    pub user: Uuid,
    pub status: Status,
    pub build_time_sec: i64,
    pub fails: bool,
    pub started_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl NewJob {
    /// The build time in whole seconds, rounded up.
    pub fn build_time_sec(&self) -> i64 {
        i64::try_from(self.build_time.as_millis().div_ceil(1000)).unwrap_or(i64::MAX)
    }
}

impl Job {
    /// How this job ends once it is due, and the event that tells of it.
    pub fn outcome(&self) -> (Status, outbox::Event) {
        let (order_uuid, user_uuid) = (self.order.to_string(), self.user.to_string());
        if self.fails {
            let reason = "a part did not fit".to_owned();
            let event = AssemblyFailed { order_uuid, user_uuid, reason, ..AssemblyFailed::default() };
            (Status::Failed, events::record(self.order, event))
        } else {
            let build_time_sec = self.build_time_sec;
            let event = ShipAssembled { order_uuid, user_uuid, build_time_sec, ..ShipAssembled::default() };
            (Status::Assembled, events::record(self.order, event))
        }
    }
}
