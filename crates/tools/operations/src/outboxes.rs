//! The backlogs of the outboxes, and the replica that publishes each.

use anyhow::Context as _;
use console::model::{Backlog, OutboxState};
use futures::future::join_all;
use platform::server::service::Service;

use crate::databases::Databases;

/// Every subquery uses the index of the unpublished rows, or the key of the lease.
const BACKLOG: &str = "select
        (select count(*) from outbox where published_at is null and set_aside_at is null) as waiting,
        (select count(*) from outbox where published_at is null and set_aside_at is not null) as set_aside,
        (select created_at from outbox where published_at is null order by id limit 1) as oldest,
        (select holder from leases where name = 'outbox' and expires_at > now()) as relay,
        (select expires_at from leases where name = 'outbox' and expires_at > now()) as relay_until";

/// Returns the outbox of each service that has one, except iam's if `databases` lack it. If a database does not answer, its outbox has the error.
pub async fn outboxes(databases: &Databases) -> Vec<OutboxState> {
    join_all(databases.with_outbox().map(|service| outbox(databases, service))).await
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
