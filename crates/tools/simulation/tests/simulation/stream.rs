//! Orders from a topic: intake over its in-memory store, and the facts for the auditor.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use audit::facts::{Intake, IntakeOrder, IntakeRecord, digest};
use contracts::events::{ORDERS, Subscription};
use intake::{
    client::Topic,
    consumers::Orders as OrdersHandler,
    error::Error,
    jobs,
    model::{Order, OrderUid},
    repository::{MemoryOrders, Orders, PositionedOrder, StoredOrder},
    service::{Cache, IntakeService, read},
};
use platform::{
    clock,
    kafka::{Failure, Handler, Message, Record},
    outbox::Publisher as _,
};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{PARTITIONS, SimulatedPublisher, consume},
    plan::Mistake,
    process::Process,
    shop::{run_jobs, steps},
    steps::{Steps, stepwise},
    world::{Serves, World},
};

/// How many orders a cache holds: few, so that orders are evicted and read from the store again.
const CACHED: u32 = 3;
/// The size of the cache in bytes: enough for [`CACHED`] orders.
const CACHE_BYTES: u32 = 1 << 20;
/// How long the cache keeps an order, in real time: longer than any run.
const CACHE_TTL: Duration = Duration::from_hours(24);

/// Starts the service: it serves requests at once, and consumes records after the preload.
pub fn boot(process: &Process) -> Serves {
    let cache = Cache::new(CACHED, CACHE_BYTES, CACHE_TTL);
    let topic = Arc::new(SimulatedTopic(SimulatedPublisher(process.clone())));
    let service = IntakeService::new(steps(process, &process.world.stores.stream), topic, cache.clone());
    run_jobs(process, jobs::all(&service));
    let (own, loaded) = (process.clone(), service.clone());
    process.spawn(async move {
        jobs::preload_cache(&loaded, &CancellationToken::new()).await;
        consume(&own, subscriptions(&own, &loaded, cache));
    });
    Serves::Intake(service)
}

/// Returns the consumer of orders alone: the simulation ends no account.
fn subscriptions(process: &Process, service: &IntakeService, cache: Cache) -> [Subscription; 1] {
    let handler = OrdersHandler::new(service.clone());
    let handler: Arc<dyn Handler> = if process.world.makes(Mistake::CacheBeforeCommit) {
        Arc::new(CachesFirst { handler, cache })
    } else {
        Arc::new(handler)
    };
    [Subscription::handled_by(&ORDERS, handler)]
}

stepwise! {
    Orders for MemoryOrders, Error {
        fn latest(before: Option<i64>, limit: i64) -> Vec<PositionedOrder>;
        fn of_customer(customer_id: &str, after: &str, limit: i64) -> Vec<OrderUid>;
        fn erased_within(period: Duration, limit: i64) -> Vec<OrderUid>;
    }

    async fn insert(&self, orders: &[&Order]) -> Result<HashSet<OrderUid>, Error> {
        self.before("before orders of the stream are written").await?;
        let inserted = self.twin.insert(orders).await;
        let new = inserted.as_ref().map_or(0, HashSet::len);
        self.process.world.note(format_args!("{new} of {} orders of the stream are new", orders.len()));
        self.after("after orders of the stream are written").await?;
        inserted
    }

    async fn stored(&self, uids: &[&OrderUid]) -> Result<HashMap<OrderUid, StoredOrder>, Error> {
        self.before("before stored orders of the stream are read").await?;
        let mut stored = self.twin.stored(uids).await;
        // Requests do not find stored orders either, which is also a problem, but the test waits for the auditor's
        // finding.
        if self.process.world.makes(Mistake::IgnoreReuse) {
            stored = stored.map(|_| HashMap::new());
        }
        self.after("after stored orders of the stream are read").await?;
        stored
    }

    async fn erase(&self, customer_id: &str, limit: i64) -> Result<Vec<OrderUid>, Error> {
        self.before("before orders of the stream are erased").await?;
        let erased = self.twin.erase(customer_id, limit).await;
        self.process.world.note(format_args!("orders of {customer_id} are erased: {:?}", erased.as_ref().ok()));
        self.after("after orders of the stream are erased").await?;
        erased
    }
}

/// The topic as `KafkaTopic` would reach it.
struct SimulatedTopic(SimulatedPublisher);

#[async_trait]
impl Topic for SimulatedTopic {
    async fn publish(&self, order: &Order) -> Result<(), Error> {
        let record = record(&self.0.0.world, order);
        self.0.publish(vec![record]).await.map_err(Error::Topic)
    }
}

/// A consumer with a mistake: it caches orders before they are stored.
struct CachesFirst {
    handler: OrdersHandler,
    cache: Cache,
}

#[async_trait]
impl Handler for CachesFirst {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        if let Ok(order) = read(&message.payload, clock::now()) {
            self.cache.add([Arc::new(order)]);
        }
        self.handler.handle(message).await
    }
}

/// Returns the record that a producer publishes for an order.
pub fn record(world: &World, order: &Order) -> Record {
    Record {
        topic: ORDERS.topic(&world.broker.topics).to_owned(),
        key: order.order_uid.as_str().as_bytes().to_vec(),
        payload: serde_json::to_vec(order).expect("an order"),
        headers: HashMap::new(),
    }
}

/// Returns the facts about the topic. At the end of a run, every record is consumed.
pub fn facts(world: &World) -> Intake {
    let topic = ORDERS.topic(&world.broker.topics);
    let stored = world.stores.stream.all().into_iter().map(|(uid, stored)| {
        let content = match stored {
            StoredOrder::Order(order) => Some(digest(&order)),
            StoredOrder::Erased => None,
        };
        IntakeOrder { uid: uid.to_string(), content }
    });
    let number = |place: usize| i32::try_from(place).unwrap_or_default();
    let records = world.broker.records(topic).into_iter().map(|(partition, offset, record)| {
        let order: Option<Order> = serde_json::from_slice(&record.payload).ok();
        let order = order.map(|order| (order.order_uid.to_string(), digest(&order)));
        IntakeRecord { partition: number(partition), offset: i64::from(number(offset)), order }
    });
    let letters = world.broker.letters().into_iter().filter(|letter| letter.message.topic == topic);
    Intake {
        partitions: PARTITIONS,
        orders: stored.collect(),
        records: records.collect(),
        unread: Vec::new(),
        letters: letters.map(|letter| (letter.message.partition, letter.message.offset)).collect(),
        letters_pruned: 0,
    }
}
