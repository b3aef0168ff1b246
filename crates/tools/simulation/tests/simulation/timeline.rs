//! The console's timeline: its consumer, browsers that watch orders, and what both must have at the end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use console::{
    consumers,
    error::Error,
    jobs,
    model::{NewRecord, Record, Step},
    repository::{Caught, MemoryTimeline, Timeline},
    service::Live,
};
use contracts::{
    events::ROUTES,
    ids::{OrderId, UserId},
};
use rand::seq::IndexedRandom as _;
use uuid::Uuid;

use crate::{
    broker::consume,
    process::Process,
    shop::{run_jobs, steps},
    steps::{Steps, stepwise},
    world::{Name, Serves, World, locked},
};

/// The maximum number of concurrent streams.
const STREAMS: usize = 4;
/// How long a browser waits before it reopens a stream.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The positions of the steps that each browser received of each order, by arrival.
pub type Watched = Mutex<BTreeMap<(u32, OrderId), Vec<i64>>>;

/// Starts the consumer and the job that feeds the streams. The other jobs only show other services' states.
pub fn boot(process: &Process) -> Serves {
    let timeline = steps(process, &process.world.stores.timeline);
    let live = Live::new(timeline.clone(), STREAMS);
    run_jobs(process, [jobs::follow_timeline(live.clone())]);
    consume(process, consumers::all(timeline, live.clone()));
    Serves::Console(live)
}

stepwise! {
    Timeline for MemoryTimeline, Error {
        fn add(records: Vec<NewRecord>) -> u64;
        fn owner(order: OrderId) -> Option<UserId>;
        fn after(place: i64, orders: &[OrderId]) -> Caught;
        fn remove_old(age: Duration, limit: i64) -> u64;
    }

    async fn of_order(&self, order: OrderId, place: i64) -> Result<Vec<Record>, Error> {
        self.before("before the steps of an order are read").await?;
        let records = self.twin.of_order(order, place).await;
        // Records are added while the answer is on its way.
        self.process.world.travel().await;
        self.after("after the steps of an order are read").await?;
        records
    }
}

/// A browser that watches one order after another, and reopens its stream whenever it ends.
pub struct Browser {
    pub world: Arc<World>,
    pub number: u32,
}

impl Browser {
    pub async fn live(self) {
        loop {
            tokio::time::sleep(self.world.millis(500, 5_000)).await;
            let orders: Vec<OrderId> =
                locked(&self.world.stores.acknowledged).iter().map(|one| OrderId::new(one.order)).collect();
            if let Some(order) = self.world.pick(|rng| orders.choose(rng).copied()) {
                let patience = self.world.millis(1_000, 40_000);
                let _ = tokio::time::timeout(patience, self.watch(order)).await;
            }
        }
    }

    async fn watch(&self, order: OrderId) {
        loop {
            let seen = locked(&self.world.stores.watched)
                .entry((self.number, order))
                .or_default()
                .last()
                .copied()
                .unwrap_or_default();
            let live = self.world.up(Name::Console).and_then(|up| up.serves.console());
            if let Some(live) = live
                && let Ok(mut reader) = live.read(order, UserId::new(Uuid::from_u128(self.number.into())), seen).await
            {
                while let Some(step) = reader.next().await {
                    locked(&self.world.stores.watched).entry((self.number, order)).or_default().push(step.place);
                }
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }
}

/// Returns the problems of the timeline, and of the steps that browsers received.
pub async fn problems(world: &World) -> Vec<String> {
    let mut problems = Vec::new();
    let timeline = &world.stores.timeline;
    for route in ROUTES.iter().filter(|route| route.is_of_order()) {
        let topic = route.topic(&world.broker.topics);
        for (partition, offset, record) in world.broker.records(topic) {
            let Some(order) = std::str::from_utf8(&record.key).ok().and_then(|key| key.parse().ok()) else { continue };
            let order = OrderId::new(order);
            let is_it = |one: &&Record| {
                let of = &one.record;
                of.topic == topic
                    && usize::try_from(of.partition) == Ok(partition)
                    && usize::try_from(of.offset) == Ok(offset)
            };
            let found = timeline.of_order(order, 0).await.unwrap_or_default();
            match found.iter().filter(is_it).count() {
                1 => {}
                count => problems.push(format!("the timeline has {topic} {partition} {offset} {count} times")),
            }
        }
    }
    let watched = locked(&world.stores.watched).clone();
    for ((_, order), told) in watched {
        let records = timeline.of_order(order, 0).await.unwrap_or_default();
        let places: Vec<i64> = records.into_iter().flat_map(Step::from_record).map(|step| step.place).collect();
        if !places.starts_with(&told) {
            problems.push(format!("a browser was told the steps {told:?} of {order}, the timeline has {places:?}"));
        }
    }
    problems
}
