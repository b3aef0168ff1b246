//! The geo service returns cells that do not exist, or rejects every street.

use std::time::Duration;

use anyhow::Context as _;
use contracts::events::{OrderPaid, Published as _, group};
use operations::dead_letters::{self, DeadLetter};
use outbox::HEADER_EVENT_UUID;
use platform::kafka::{HEADER_GROUP, Reader, dead_letter_topic};
use stand_ins::{Geo, GeoMode};
use tokio::time::sleep;
use uuid::Uuid;

use super::inject;
use crate::{
    cluster::Cluster,
    experiment::{Experiment, Fault, Injected, Injection},
    topics,
    wait::until,
};

pub const FAULTS: [Fault; 1] = [Fault::new(
    7,
    "geo-lies",
    "geo answers (11, 0), then INVALID_ARGUMENT: paid orders become dead letters",
    inject!(lies),
)
.lasting(10, 6)
.holds("The dead letters are replayed, and those ships are delivered too.")];

/// The consumer that dead-letters events.
const GROUP: &str = group::<OrderPaid>("delivery");
/// A replayed event must be handled within this time.
const HANDLE_TIMEOUT: Duration = Duration::from_secs(20);

async fn lies(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let geo = Geo::start().await?;
    let earlier = letters(&experiment.cluster).await?.len();
    let address = geo.address().to_string();
    experiment.cluster.replicas.replace(&delivery::SERVICE, &[("GEO_ADDRESS", &address)]).await?;
    for mode in [GeoMode::Outside, GeoMode::Unknown] {
        geo.be(mode);
        sleep(experiment.lasting).await;
    }
    geo.be(GeoMode::Well);
    experiment.cluster.replicas.replace(&delivery::SERVICE, &[]).await?;
    experiment.cause_removed();
    let letters = letters(&experiment.cluster).await?.split_off(earlier);
    let mut done = Injection::at_least_one(letters.len(), "no paid order with an address met the fault");
    topics::replay(&experiment.cluster, &letters).await?;
    if !until(HANDLE_TIMEOUT, async || Ok(unhandled(&experiment.cluster, &letters).await? == 0)).await? {
        let left = unhandled(&experiment.cluster, &letters).await?;
        done.problems.push(format!("{left} of {} replayed events were not handled", letters.len()));
    }
    done.notes.push(format!("{} false answers, {} dead letters, all replayed", geo.faults_met(), letters.len()));
    Ok(Injected::Done(done))
}

/// Returns the `OrderPaid` events that delivery has dead-lettered, oldest first.
async fn letters(cluster: &Cluster) -> anyhow::Result<Vec<DeadLetter>> {
    let config = cluster.sources.kafka.clone();
    let topic = dead_letter_topic(cluster.sources.topics.of::<OrderPaid>());
    let reading = tokio::task::spawn_blocking(move || {
        dead_letters::read(&Reader::new(&config, "shipyard-chaos")?, &topic, |letter| letter)
    });
    let letters = reading.await.context("reading the dead letters")??.unwrap_or_default();
    // A message without an event UUID is poison.
    let own = |letter: &DeadLetter| {
        letter.header(HEADER_GROUP) == GROUP && letter.message.headers.get(HEADER_EVENT_UUID).is_some()
    };
    Ok(letters.into_iter().filter(own).collect())
}

/// Returns how many of these events delivery has not handled.
async fn unhandled(cluster: &Cluster, letters: &[DeadLetter]) -> anyhow::Result<usize> {
    let events: Vec<Uuid> = letters.iter().filter_map(|letter| letter.event(OrderPaid::TYPE)).collect();
    let database = cluster.sources.databases.get(&delivery::SERVICE)?;
    let question = sqlx::query_scalar("select event_uuid from inbox where consumer = $1 and event_uuid = any($2)");
    let handled: Vec<Uuid> = question.bind(GROUP).bind(&events).fetch_all(database).await?;
    Ok(events.iter().filter(|event| !handled.contains(event)).count())
}
