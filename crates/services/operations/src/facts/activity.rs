//! The pending work in the shop, and a fingerprint that detects changes of the data.

use std::collections::HashSet;

use anyhow::Context as _;
use contracts::events::{Route, route_of};
use uuid::Uuid;

use super::Sources;
use crate::{
    databases::Databases,
    dead_letter_queue::State,
    registry::{READERS, reader_of, with_database},
    republish_lost_events::missing_at,
};
use platform::{kafka::HEADER_GROUP, server::service::Service};

/// Refunds that the provider has accepted but not made.
const ACCEPTED_REFUNDS: &str =
    "select (select count(*) from payments where status = 'refunding' and refund_reference is not null)
        + (select count(*) from partial_refunds where status = 'refunding' and refund_reference is not null)";

/// The number of events that a relay still has to publish.
const UNPUBLISHED: &str = "select count(*) from outbox where published_at is null and set_aside_at is null";

/// The latest published events, which may not have reached all consumers yet.
const LATEST: &str =
    "select event_type, event_uuid from outbox where published_at is not null order by id desc limit 2000";

impl Sources {
    /// Returns the pending work. An event that its consumer has dead-lettered is not pending. Since consumers
    /// dead-letter events and operators replay dead letters at any time, each call with a missing event reads the
    /// letters.
    pub async fn under_way(&self) -> anyhow::Result<Vec<String>> {
        let work = unfinished(&self.databases).await?;
        let mut missing = untaken(&self.databases).await?;
        if !missing.is_empty() {
            let given_up = self.given_up().await?;
            missing.retain(|(group, event)| !given_up.contains(&((*group).to_owned(), *event)));
        }
        Ok(with_untaken(work, &missing))
    }

    /// Returns the events that a consumer has dead-lettered, each with the consumer's group: those of the pending dead
    /// letters, and of the discarded ones, which may be pruned.
    async fn given_up(&self) -> anyhow::Result<HashSet<(String, Uuid)>> {
        let queue = self.dead_letter_queue()?;
        let letters = queue.letters(None).await?;
        let pending = letters.iter().filter(|found| found.state == State::Pending).map(|found| &found.letter);
        let pending =
            pending.filter_map(|one| Some((one.header(HEADER_GROUP).to_owned(), one.event(queue.kind(one))?)));
        let discarded = queue.discarded().await?.into_iter();
        Ok(pending.chain(discarded.filter_map(|one| Some((one.group, one.event?)))).collect())
    }
}

/// Returns the pending work, such as `2 ships being built`. An event that its consumer has dead-lettered is pending.
pub async fn under_way(databases: &Databases) -> anyhow::Result<Vec<String>> {
    let work = unfinished(databases).await?;
    Ok(with_untaken(work, &untaken(databases).await?))
}

/// Adds the number of events that a consumer has not handled.
fn with_untaken(mut work: Vec<String>, untaken: &[(&str, Uuid)]) -> Vec<String> {
    let events: HashSet<Uuid> = untaken.iter().map(|(_, event)| *event).collect();
    if !events.is_empty() {
        work.push(format!("{} events to be taken", events.len()));
    }
    work
}

/// Returns the work that services will complete by themselves, except the events that consumers have not handled.
async fn unfinished(databases: &Databases) -> anyhow::Result<Vec<String>> {
    let mut work = Vec::new();
    let unpublished =
        databases.with_outbox().map(|service| (service, format!("events to be published by {service}"), UNPUBLISHED));
    let own = READERS.iter().flat_map(|reader| {
        reader.pending.iter().map(move |(what, question)| (reader.service, (*what).to_owned(), *question))
    });
    for (service, what, question) in unpublished.chain(own) {
        let count: i64 = sqlx::query_scalar(question)
            .fetch_one(databases.get(service)?)
            .await
            .with_context(|| format!("asking the database of {service}"))?;
        if count > 0 {
            work.push(format!("{count} {what}"));
        }
    }
    Ok(work)
}

/// Returns those of the latest events that a consumer has not handled, each with the consumer's group.
async fn untaken(databases: &Databases) -> anyhow::Result<Vec<(&'static str, Uuid)>> {
    let mut untaken = Vec::new();
    for producer in databases.with_outbox() {
        let latest: Vec<(String, Uuid)> = sqlx::query_as(LATEST).fetch_all(databases.get(producer)?).await?;
        let mut kinds: Vec<&str> = latest.iter().map(|(kind, _)| kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            let uuids: Vec<Uuid> = latest.iter().filter(|(name, _)| name == kind).map(|(_, uuid)| *uuid).collect();
            for consumer in route_of(kind).map(Route::inboxes).unwrap_or_default() {
                let missing = missing_at(databases, consumer, &uuids).await?;
                untaken.extend(missing.into_iter().map(|event| (consumer.group, event)));
            }
        }
    }
    Ok(untaken)
}

/// Returns the number of refunds that the provider has accepted but not made. [`under_way`] ignores them.
pub async fn accepted_refunds(databases: &Databases) -> anyhow::Result<i64> {
    let payment = databases.get(&payment::SERVICE)?;
    let count: i64 = sqlx::query_scalar(ACCEPTED_REFUNDS).fetch_one(payment).await?;
    Ok(count)
}

/// Returns a text that changes whenever the data in a database do.
pub async fn fingerprint(databases: &Databases) -> anyhow::Result<String> {
    let mut fingerprint = Vec::new();
    for service in with_database().filter(|service| databases.has(service)) {
        let own = reader_of(service).map(|reader| reader.fingerprint);
        let Some(question) = own.or_else(|| shared_fingerprint(service)) else { continue };
        let part: String = sqlx::query_scalar(question).fetch_one(databases.get(service)?).await?;
        fingerprint.push(part);
    }
    Ok(fingerprint.join("\n"))
}

/// Returns the query for a service without a reader of its own: over its outbox and inbox. `None` if it has
/// neither.
fn shared_fingerprint(service: &Service) -> Option<&'static str> {
    match (service.has_table("outbox"), service.has_table("inbox")) {
        (true, true) => Some("select concat_ws(' ', (select max(id) from outbox), (select count(*) from inbox))"),
        (true, false) => Some("select concat_ws(' ', max(id)) from outbox"),
        (false, true) => Some("select count(*)::text from inbox"),
        (false, false) => None,
    }
}
