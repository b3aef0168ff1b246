//! A producer sends each order twice, in random order and a tenth of them invalid, while intake is killed.

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use contracts::events::ORDERS;
use platform::kafka::Record;
use producer::{Made, Records};
use rand::{RngExt as _, seq::SliceRandom as _};

use super::inject;
use crate::{
    experiment::{Experiment, Fault, Injected, Injection},
    topics,
    wait::until,
};

pub const FAULTS: [Fault; 1] = [Fault::new(
    9,
    "producer-mad",
    "orders come twice, shuffled, and a tenth of them poison, while processes of intake are killed",
    inject!(mad),
)
.times(5, 2)
.holds("Each valid order is stored.")];

/// The share of invalid records.
const POISON_SHARE: f64 = 0.1;
/// How soon intake must have stored all valid orders.
const STORE_TIMEOUT: Duration = Duration::from_mins(1);

async fn mad(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let count: u64 = experiment.scale(5_000, 500);
    let records = Records { seed: experiment.random.random(), bad: POISON_SHARE };
    let mut made: Vec<Made> = (0..count).flat_map(|number| [records.get(number), records.get(number)]).collect();
    made.shuffle(&mut experiment.random);
    let good = made.iter().filter(|made| !made.is_bad).count() / 2;
    let before = stored(experiment).await?;
    let topic = ORDERS.topic(&experiment.cluster.sources.topics).to_owned();
    let kills = experiment.times;
    for part in made.chunks(made.len().div_ceil(kills)) {
        let record = |made: &Made| Record {
            topic: topic.clone(),
            key: made.key.clone(),
            payload: made.payload.clone(),
            headers: HashMap::new(),
        };
        topics::publish(&experiment.cluster, part.iter().map(record).collect()).await?;
        let number = experiment.random.random_range(0..experiment.cluster.replicas.count());
        let replica = experiment.cluster.replicas.get(&intake::SERVICE, number)?;
        replica.kill().await;
        replica.start(&[])?;
    }
    experiment.cause_removed();
    let good = i64::try_from(good)?;
    // If an invalid order has a valid one's key and arrives first, intake stores it, and dead-letters the valid one.
    until(STORE_TIMEOUT, async || Ok(stored(experiment).await? >= before + good)).await?;
    let taken = stored(experiment).await? - before;
    let mut done = Injection::at_least_one(made.len(), "no order was sent");
    if taken < good {
        done.problems.push(format!("{taken} of {good} good orders are stored"));
    }
    done.notes.push(format!("{} records, {taken} orders stored, {kills} kills", made.len()));
    Ok(Injected::Done(done))
}

pub(super) async fn stored(experiment: &Experiment) -> anyhow::Result<i64> {
    let database = experiment.cluster.sources.databases.get(&intake::SERVICE)?;
    sqlx::query_scalar("select count(*) from orders").fetch_one(database).await.context("counting orders")
}
