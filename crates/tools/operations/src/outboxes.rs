//! The backlogs of the outboxes, and which replica publishes each.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use platform::service::Service;
use serde::Serialize;
use sqlx::FromRow;

use crate::{databases::Databases, registry::with_database};

/// The outbox of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutboxState {
    pub service: &'static str,
    /// Why the database was not read. The other fields are then empty.
    pub error: Option<String>,
    #[serde(flatten)]
    pub backlog: Backlog,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, FromRow)]
pub struct Backlog {
    /// The number of events that are not published, without those that are set aside.
    pub waiting: i64,
    /// The number of events that are set aside: their type has no topic, or they are behind such an event.
    pub set_aside: i64,
    /// When the oldest event that is not published was written.
    pub oldest: Option<DateTime<Utc>>,
    /// The replica whose relay publishes, as host, port and id of its process; `None` if no replica has the lease.
    pub relay: Option<String>,
    /// When the relay's lease ends, if it is not renewed.
    pub relay_until: Option<DateTime<Utc>>,
}

/// Every part is read by an index of the rows that are not published, or by the key of the lease.
const BACKLOG: &str = "select
        (select count(*) from outbox where published_at is null and set_aside_at is null) as waiting,
        (select count(*) from outbox where published_at is null and set_aside_at is not null) as set_aside,
        (select created_at from outbox where published_at is null order by id limit 1) as oldest,
        (select holder from leases where name = 'outbox' and expires_at > now()) as relay,
        (select expires_at from leases where name = 'outbox' and expires_at > now()) as relay_until";

/// Returns the outbox of each service that has one. A database that does not answer is an error of its outbox alone.
pub async fn outboxes(databases: &Databases) -> Vec<OutboxState> {
    let with_outbox = with_database().filter(|service| service.has_table("outbox"));
    join_all(with_outbox.map(|service| outbox(databases, service))).await
}

async fn outbox(databases: &Databases, service: &'static Service) -> OutboxState {
    let read = async { anyhow::Ok(sqlx::query_as(BACKLOG).fetch_one(databases.get(service)?).await?) };
    match read.await.with_context(|| format!("reading the database of {service}")) {
        Ok(backlog) => OutboxState { service: service.name, error: None, backlog },
        Err(error) => {
            let backlog = Backlog::default();
            OutboxState { service: service.name, error: Some(format!("{error:#}")), backlog }
        }
    }
}
