//! The state of the system: services, outboxes, and the lag of consumers.

use chrono::{DateTime, Utc};
use contracts::proto::operations::v1;
use platform::grpc::time;
use serde::Serialize;

/// The state of one service, as reported by the replica that responded.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceState {
    pub service: String,
    /// One sentence about the service.
    pub about: String,
    /// The address of its admin port.
    pub admin: String,
    /// `None` if the admin port does not report it.
    pub version: Option<String>,
    pub is_ready: bool,
    /// The conditions that are not met, such as `database`.
    pub waiting_for: Vec<String>,
    /// Why the admin port was not read.
    pub error: Option<String>,
    /// The circuit breakers of the service's own calls.
    pub breakers: Vec<Breaker>,
}

/// The circuit breakers of a service for one peer.
#[derive(Clone, Debug, Serialize)]
pub struct Breaker {
    pub peer: String,
    /// `closed`, `half open` or `open`: the worst state of these breakers.
    pub state: String,
}

/// The events that wait in the outbox of one service.
#[derive(Clone, Debug, Serialize)]
pub struct OutboxState {
    pub service: String,
    /// Why the database was not read. The other fields are then empty.
    pub error: Option<String>,
    /// The number of events that are not published yet, without those that are set aside.
    pub waiting: i64,
    /// The number of events that are set aside: their type has no topic, the broker refuses them, or they follow such
    /// an event of their key.
    pub set_aside: i64,
    /// When the oldest event that is not published was written.
    pub oldest: Option<DateTime<Utc>>,
    /// The replica whose relay publishes, as host, port and id of its process; `None` if no replica has the lease.
    pub relay: Option<String>,
    /// When the relay's lease ends, if it is not renewed.
    pub relay_until: Option<DateTime<Utc>>,
}

/// The lag of all consumers.
#[derive(Clone, Debug, Serialize)]
pub struct Lags {
    /// When the lag was read.
    pub at: DateTime<Utc>,
    pub partitions: Vec<PartitionLag>,
}

/// The lag of one consumer group in one partition.
#[derive(Clone, Debug, Serialize)]
pub struct PartitionLag {
    pub service: String,
    /// The consumer group, without the prefix of this system.
    pub group: String,
    pub topic: String,
    pub partition: i32,
    /// The committed offset; `None` if the group has committed none.
    pub committed: Option<i64>,
    /// The offset after the last record.
    pub end: i64,
    /// The number of records that are not handled. Offsets are committed every half second.
    pub lag: i64,
    /// The lag over the last 15 minutes, the oldest first.
    pub history: Vec<LagPoint>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LagPoint {
    pub at: DateTime<Utc>,
    pub lag: i64,
}

impl From<v1::ServiceState> for ServiceState {
    fn from(state: v1::ServiceState) -> Self {
        let v1::ServiceState { service, about, admin, version, is_ready, waiting_for, error, breakers } = state;
        let breakers = breakers.into_iter().map(|v1::Breaker { peer, state }| Breaker { peer, state }).collect();
        Self { service, about, admin, version, is_ready, waiting_for, error, breakers }
    }
}

impl From<v1::OutboxState> for OutboxState {
    fn from(state: v1::OutboxState) -> Self {
        let v1::OutboxState { service, error, waiting, set_aside, oldest, relay, relay_until } = state;
        let [oldest, relay_until] = [oldest, relay_until].map(|at| at.as_ref().and_then(time));
        Self { service, error, waiting, set_aside, oldest, relay, relay_until }
    }
}

impl From<v1::ListLagsResponse> for Lags {
    fn from(lags: v1::ListLagsResponse) -> Self {
        Self {
            at: lags.at.as_ref().and_then(time).unwrap_or_default(),
            partitions: lags.partitions.into_iter().map(PartitionLag::from).collect(),
        }
    }
}

impl From<v1::PartitionLag> for PartitionLag {
    fn from(one: v1::PartitionLag) -> Self {
        let v1::PartitionLag { service, group, topic, partition, committed, end, lag, history } = one;
        let history = history.into_iter().map(LagPoint::from).collect();
        Self { service, group, topic, partition, committed, end, lag, history }
    }
}

impl From<v1::LagPoint> for LagPoint {
    fn from(v1::LagPoint { at, lag }: v1::LagPoint) -> Self {
        Self { at: at.as_ref().and_then(time).unwrap_or_default(), lag }
    }
}
