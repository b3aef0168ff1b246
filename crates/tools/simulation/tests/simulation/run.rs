//! One run: faults for a while, then none. Pending work must end within a bound; then follows an audit.

use std::time::Duration;

use audit::{
    Finding,
    facts::{Order, OrderStatus, Position},
    receipt::receipt,
};
use contracts::events::{ROUTES, readers};
use outbox::Record;
use platform::clock::Virtual;
use rand::{RngExt as _, seq::IndexedRandom as _};
use tokio::{runtime::Builder, task::JoinSet, time::Instant};

use crate::{
    deliveries, facts,
    history::History,
    plan::{Fault, Plan},
    refunds::{self, Operator},
    users::User,
    world::{Name, World, locked},
};

/// Work may be pending for this long after the last fault.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(5);
/// The number of ticks between two checks of receipts while faults may happen.
const TICKS_PER_RECEIPT: u32 = 15;
/// The invariants about data that the simulation does not have: messages, sessions, other shops' orders, and operators'
/// actions.
pub const NOT_SIMULATED: [u8; 4] = [6, 9, 13, 14];

pub struct Ran {
    pub plan: Plan,
    pub problems: Vec<String>,
    pub history: History,
    /// The numbers of orders that were built, that were paid and undone, and that were never paid.
    pub orders: [usize; 3],
    /// The number of times that each fault happened, in the order of `Fault::ALL`.
    pub struck: [usize; Fault::ALL.len()],
    /// The number of facts that the auditor checked, by invariant.
    pub looked_at: Vec<usize>,
    pub simulated: Duration,
}

/// Runs a plan from its beginning to its audit.
pub fn run(plan: Plan, verbose: bool) -> Ran {
    // This generator adds the jitter to the backoff between retries.
    fastrand::seed(plan.seed);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(live(plan, verbose))
}

async fn live(plan: Plan, verbose: bool) -> Ran {
    let (clock, start) = (Virtual::default(), Instant::now());
    let world = World::new(plan, verbose);
    {
        use inventory::repository::Catalogue as _;
        world.stores.inventory.seed(&world.stores.parts).await.expect("parts");
    }
    for name in Name::ALL {
        world.start(name);
    }
    let mut users = JoinSet::new();
    for number in 0..plan.users {
        let user = User { world: world.clone(), number, uuid: world.uuid() };
        users.spawn(user.shop());
    }
    if !plan.scarce && world.chance(0.4) {
        users.spawn(Operator(world.clone()).live());
    }
    let mut problems = Vec::new();
    let end = start + Duration::from_secs(plan.seconds.into());
    for tick in 1.. {
        if Instant::now() >= end {
            break;
        }
        tokio::time::sleep(world.millis(100, 1500)).await;
        if tick % TICKS_PER_RECEIPT == 0 && problems.is_empty() {
            problems = receipt_problems(&world, clock).await;
        }
        if world.strikes(Fault::Crash) {
            let name = world.pick(|rng| *Name::ALL.choose(rng).expect("a name"));
            world.note(format_args!("{name:?} is killed"));
            world.kill(name);
        }
        if world.strikes(Fault::Freeze) {
            let name = world.pick(|rng| *Name::ALL.choose(rng).expect("a name"));
            world.note(format_args!("{name:?} is frozen"));
            world.freeze(name);
        }
        if world.strikes(Fault::Poison) {
            poison(&world);
        }
    }
    world.heal();
    let healed = Instant::now();
    loop {
        while users.try_join_next().is_some() {}
        let unfinished = if users.is_empty() { unfinished(&world) } else { Some("users wait".to_owned()) };
        let Some(unfinished) = unfinished else { break };
        if healed.elapsed() > SETTLE_TIMEOUT {
            problems.push(format!("not quiet after {} s: {unfinished}", SETTLE_TIMEOUT.as_secs()));
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let facts = facts::gather(&world, clock).await;
    let report = audit::check(&facts);
    problems.append(&mut locked(&world.stores.problems));
    problems.append(&mut locked(&world.recording).problems);
    let absent = facts::groups_of_services_that_do_not_run(&world);
    for finding in report.broken() {
        let rows = finding.violations.iter().filter(|row| !absent.iter().any(|group| row.problem.contains(group)));
        problems.extend(rows.map(|row| format!("{}: {}: {}", finding.number, row.row, row.problem)));
    }
    let expected = |finding: &&Finding| !NOT_SIMULATED.contains(&finding.number) && !facts.orders.is_empty();
    for finding in report.unchecked().filter(expected) {
        problems.push(format!("{}: nothing was looked at: {:?}", finding.number, finding.missing));
    }
    world.end();
    Ran {
        plan,
        problems,
        history: world.history(),
        orders: ends(&facts.orders),
        struck: world.struck(),
        looked_at: report.findings.iter().map(|one| one.counted.iter().map(|count| count.count).sum()).collect(),
        simulated: start.elapsed(),
    }
}

fn ends(orders: &[Order]) -> [usize; 3] {
    let count = |like: fn(&Order) -> bool| orders.iter().filter(|order| like(order)).count();
    [
        count(|order| order.status == OrderStatus::Assembled),
        count(|order| order.status == OrderStatus::Cancelled && order.transaction.is_some()),
        count(|order| order.status == OrderStatus::Cancelled && order.transaction.is_none()),
    ]
}

/// Publishes a poison record, which is not an event of the shop.
fn poison(world: &World) {
    let mut topics: Vec<&str> = ROUTES
        .iter()
        // The end of an account has no inboxes: the simulation ends none, so not every process reads its topic.
        .filter(|route| !route.inboxes().is_empty())
        .map(|route| route.topic(&world.broker.topics))
        .collect();
    topics.dedup();
    let (topic, sort) =
        world.pick(|rng| (topics[rng.random_range(0..topics.len())].to_owned(), rng.random_range(0..3)));
    let (payload, headers) = match sort {
        0 => (vec![0xff; 40], Vec::new()),
        1 => (Vec::new(), Vec::new()),
        _ => (Vec::new(), vec![("event-type".to_owned(), "events.v1.Unheard".to_owned())]),
    };
    world.note(format_args!("poison for {topic}"));
    world.broker.append_poison(Record {
        topic,
        key: world.uuid().to_string().into_bytes(),
        payload,
        headers: headers.into_iter().collect(),
    });
}

/// Returns some work that is pending; `None` if there is none.
fn unfinished(world: &World) -> Option<String> {
    let stores = &world.stores;
    let mut consumed = readers(&world.broker.topics).filter(|(consumer, _)| stores.inbox(consumer.service).is_some());
    if let Some((consumer, _)) = consumed.find(|(consumer, topic)| !world.broker.is_done(consumer.group, topic)) {
        return Some(format!("{} has something to read", consumer.group));
    }
    for (service, outbox) in stores.outboxes() {
        if outbox.events().iter().any(|(_, published)| !published) {
            return Some(format!("{service} has something to publish"));
        }
    }
    let orders = stores.orders.all();
    let open = |order: &&order::model::Order| {
        use order::model::Status;
        matches!(order.status, Status::PendingPayment | Status::Paid)
    };
    if let Some(order) = orders.iter().find(open) {
        return Some(format!("order {} is {}, with {:?}", order.uuid, order.status.as_str(), order.attempt));
    }
    if let Some(payment) = stores.payments.all().iter().find(|payment| {
        use payment::model::Status;
        matches!(payment.status, Status::Pending { .. } | Status::Refunding { .. })
    }) {
        return Some(format!("payment {} is {:?}", payment.intent.transaction, payment.status));
    }
    if let Some((order, ..)) = stores.inventory.reservations().iter().find(|(_, kept)| kept.expires_at.is_some()) {
        return Some(format!("parts are held for order {order}"));
    }
    if let Some(open) = refunds::unfinished(world) {
        return Some(open);
    }
    deliveries::unfinished(world)
}

/// Returns the violations in the receipts of all orders. Processes may be down, and events unconsumed.
async fn receipt_problems(world: &World, clock: Virtual) -> Vec<String> {
    let mut facts = facts::gather(world, clock).await;
    facts.positions = positions(world);
    let receipts = facts.orders.iter().map(|order| (order.uuid, receipt(&facts, order.uuid)));
    let violated = receipts.flat_map(|(order, receipt)| {
        let checks: Vec<_> = receipt.violated().map(|check| (check.number, check.text.clone())).collect();
        checks.into_iter().map(move |(number, text)| format!("receipt of order {order}: {number}: {text}"))
    });
    violated.collect()
}

/// Returns the offset of each consumer relative to every record that it consumes. Notification, which is not
/// simulated, stays at the beginning.
fn positions(world: &World) -> Vec<Position> {
    let mut positions = Vec::new();
    for route in &ROUTES {
        let topic = route.topic(&world.broker.topics);
        for (partition, offset, record) in world.broker.records(topic) {
            let Some(event) = record.headers.get("event-uuid").and_then(|uuid| uuid.parse().ok()) else { continue };
            let of = |group| Position {
                group: String::from(group),
                event,
                is_past: world.broker.committed(group, topic, partition) > offset,
            };
            positions.extend(route.consumers.iter().map(|consumer| of(consumer.group)));
        }
    }
    positions
}

/// Returns the run of the smallest plan found that still has a problem.
pub fn shrink(mut ran: Ran) -> Ran {
    let mut budget = 60;
    'smaller: loop {
        for plan in ran.plan.smaller() {
            if budget == 0 {
                break 'smaller;
            }
            budget -= 1;
            let smaller = run(plan, false);
            if !smaller.problems.is_empty() && smaller.history.length <= ran.history.length {
                ran = smaller;
                continue 'smaller;
            }
        }
        break;
    }
    run(ran.plan, true)
}
