//! The load of intake: programs that publish orders to its topic or place them over HTTP, read them meanwhile, and
//! sometimes have a customer's orders erased.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use intake::{
    error::Error,
    model::{Order, OrderUid},
    repository::{Orders as _, StoredOrder},
    sample,
    service::{IntakeService, Shown},
};
use platform::postgres::DatabaseError;
use rand::RngExt as _;

use crate::{
    network::said,
    stream::record,
    world::{Name, Serves, World, locked},
};

const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a sender sends a request before giving up.
const MAX_TRIES: u32 = 60;

/// A program that sends the orders of one customer.
pub struct Producer {
    pub world: Arc<World>,
    /// The seed of its orders.
    pub seed: u64,
}

impl Producer {
    pub async fn live(self) {
        let count = self.world.pick(|rng| rng.random_range(1..=5));
        // A record that differs from an erased order counts as a repeat, so it would not be poison.
        let erases = self.world.chance(0.3);
        let orders = futures::future::join_all((0..count).map(|number| self.follow(number, erases)));
        let erasure = async {
            if erases {
                self.pause().await;
                let customer = self.customer();
                self.insist("erase", |service| {
                    let customer = customer.clone();
                    async move { service.erase(&customer).await }
                })
                .await;
            }
        };
        futures::join!(orders, erasure);
    }

    fn customer(&self) -> String {
        format!("customer {}", self.seed)
    }

    fn order(&self, number: u64) -> Order {
        Order { customer_id: self.customer(), ..sample::order(self.seed, number) }
    }

    /// Sends an order, sometimes several times, and reads it in between.
    async fn follow(&self, number: u64, erases: bool) {
        let (world, order) = (&self.world, self.order(number));
        self.pause().await;
        if world.chance(0.7) {
            self.publish(&order);
        } else {
            let placed = self.insist("place", |service| {
                let order = order.clone();
                async move { service.place(&order).await }
            });
            if !placed.await {
                return;
            }
            locked(&world.stores.published).insert(order.order_uid.clone());
        }
        for _ in 0..world.pick(|rng| rng.random_range(0..6)) {
            tokio::time::sleep(world.millis(0, 3_000)).await;
            match world.pick(|rng| rng.random_range(0..10)) {
                0..=1 => self.publish(&order),
                2 if !erases => self.publish_another(&order),
                3 => self.publish_broken(&order),
                _ => self.look(&order).await,
            }
        }
    }

    fn publish(&self, order: &Order) {
        self.world.note(format_args!("a producer publishes order {}", order.order_uid));
        locked(&self.world.stores.published).insert(order.order_uid.clone());
        self.world.broker.append(record(&self.world, order));
    }

    /// Publishes another order with the order_uid of this one, which is already in the topic.
    fn publish_another(&self, order: &Order) {
        let other = Order { entry: "OTHER".to_owned(), ..order.clone() };
        self.world.note(format_args!("a producer publishes another order {}", order.order_uid));
        self.world.broker.append_poison(record(&self.world, &other));
    }

    /// Publishes an order that breaks a rule.
    fn publish_broken(&self, order: &Order) {
        let broken = Order { items: Vec::new(), ..order.clone() };
        self.world.note(format_args!("a producer publishes order {} without items", order.order_uid));
        self.world.broker.append_poison(record(&self.world, &broken));
    }

    /// Reads an order. A cache ahead of the store, or behind it, is a problem.
    async fn look(&self, order: &Order) {
        let (world, uid) = (&self.world, &order.order_uid);
        let was_stored = stored(world, uid).await.is_some();
        let answer = world.call(Name::Intake, Serves::intake, CALL_TIMEOUT, |service| {
            let uid = uid.clone();
            async move { service.show(uid.as_str()).await }
        });
        let answer = answer.await;
        let is_known = stored(world, uid).await;
        let problem = match &answer {
            Ok(Ok((shown, _))) if **shown != *order => "is shown with another content than it was first sent with",
            Ok(Ok(_)) if is_known.is_none() => "is shown before it is stored",
            Ok(Err(Error::NotFound)) if was_stored && is_known != Some(StoredOrder::Erased) => {
                "is stored and not found"
            }
            Ok(Ok(_) | Err(Error::NotFound | Error::TooSlow | Error::Database(DatabaseError::Unavailable(_))))
            | Err(_) => return,
            Ok(Err(_)) => "is answered with an error that is none of a look-up",
        };
        self.complain(&format!("order {uid} {problem}: {}", said(&answer.map(|answer| answer.map(|shown| shown.1)))));
    }

    async fn pause(&self) {
        let window = u64::from(self.world.plan.seconds) * 1000;
        tokio::time::sleep(self.world.millis(0, window)).await;
    }

    /// Repeats the request until it succeeds; returns false if it never does.
    async fn insist<T, F>(&self, what: &str, request: impl Fn(IntakeService) -> F) -> bool
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        let world = &self.world;
        for _ in 0..MAX_TRIES {
            let answer = world.call(Name::Intake, Serves::intake, CALL_TIMEOUT, &request).await;
            let answer = answer.map(|answer| answer.map(|_| what));
            world.note(format_args!("{what} of {} is answered {}", self.customer(), said(&answer)));
            match answer {
                Ok(Ok(_)) => return true,
                Ok(Err(Error::Topic(_) | Error::Database(DatabaseError::Unavailable(_)))) | Err(_) => {}
                Ok(Err(error)) => {
                    self.complain(&format!("{what} was answered {error}"));
                    return false;
                }
            }
            tokio::time::sleep(world.millis(200, 2_000)).await;
        }
        if world.healed() {
            self.complain(&format!("{what} gets no definite answer"));
        }
        false
    }

    fn complain(&self, problem: &str) {
        locked(&self.world.stores.problems).push(format!("producer {}: {problem}", self.seed));
    }
}

async fn stored(world: &World, uid: &OrderUid) -> Option<StoredOrder> {
    world.stores.stream.stored(&[uid]).await.ok()?.remove(uid)
}

/// Returns an order that the service does not show as stored: its process is down or frozen, or its cache still has an
/// erased order.
pub async fn unfinished(world: &World) -> Option<String> {
    for (uid, stored) in world.stores.stream.all() {
        let shown = show(world, &uid).await;
        let fits = match (&shown, &stored) {
            (Ok((shown, _)), StoredOrder::Order(order)) => **shown == **order,
            (Err(Error::NotFound), StoredOrder::Erased) => true,
            _ => false,
        };
        if !fits {
            let shown = shown.map(|(_, source)| source);
            return Some(format!("order {uid} is {stored:?} in the store, and is shown as {shown:?}"));
        }
    }
    None
}

async fn show(world: &World, uid: &OrderUid) -> Result<Shown, Error> {
    let service = world.up(Name::Intake).and_then(|up| up.serves.intake()).ok_or(Error::TooSlow)?;
    service.show(uid.as_str()).await
}

/// Returns the numbers of stored and of erased orders, and a problem for each published order that is neither.
pub fn orders(world: &World) -> ([usize; 2], Vec<String>) {
    let stored: BTreeMap<OrderUid, StoredOrder> = world.stores.stream.all().into_iter().collect();
    let published = locked(&world.stores.published);
    let lost = published.iter().filter(|uid| !stored.contains_key(uid));
    let erased = stored.values().filter(|stored| **stored == StoredOrder::Erased).count();
    let problems = lost.map(|uid| format!("order {uid} was published and is not stored"));
    ([stored.len() - erased, erased], problems.collect())
}
