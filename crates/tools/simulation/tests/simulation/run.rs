//! One run: faults for a while, then none. Pending work must end within a bound; then follows an audit.

use std::{collections::BTreeMap, time::Duration};

use audit::facts::{Order, OrderStatus};
use contracts::{events::ROUTES, ids::UserId};
use platform::{clock::Virtual, kafka::Record};
use rand::{RngExt as _, seq::IndexedRandom as _};
use tokio::{runtime::Builder, task::JoinSet, time::Instant};

use crate::{
    borrowers::{self, Borrower},
    facts,
    history::History,
    plan::{Fault, Plan},
    producers::{self, Producer},
    quiet, receipts,
    refunds::Operator,
    timeline::{self, Browser},
    users::User,
    world::{Name, World, locked},
};

/// How long work may be pending after the last fault.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(5);
/// How many ticks pass between two checks of receipts while faults may happen.
const TICKS_PER_RECEIPT: u32 = 15;

pub struct Ran {
    pub plan: Plan,
    pub problems: Vec<String>,
    pub history: History,
    /// The numbers of orders that were built, that were paid and undone, and that were never paid.
    pub orders: [usize; 3],
    /// How often each fault happened, in the order of `Fault::ALL`.
    pub struck: [usize; Fault::ALL.len()],
    /// The number of facts that the auditor checked, by invariant.
    pub looked_at: Vec<usize>,
    pub simulated: Duration,
    /// The numbers of loans that were credited, refused, and held for a user who is not a customer.
    pub loans: [usize; 3],
    /// The numbers of intake's orders that were stored, and that were stored and erased.
    pub streamed: [usize; 2],
}

/// Runs a plan from its beginning to its audit.
pub fn run(plan: Plan, verbose: bool) -> Ran {
    // This generator adds the jitter to pauses between retries.
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
    let mut chats = BTreeMap::new();
    let mut users = JoinSet::new();
    for number in 0..plan.users {
        let user = User { world: world.clone(), number, uuid: world.uuid() };
        if world.chance(0.8) {
            let chat = format!("chat {number}");
            world.stores.users.set_chat(UserId::new(user.uuid), &chat);
            chats.insert(user.uuid, chat);
        }
        if !plan.scarce && world.chance(0.4) {
            users.spawn(Borrower { world: world.clone(), uuid: user.uuid }.live());
        }
        if !plan.scarce && world.chance(0.4) {
            let seed = world.pick(rand::RngExt::random);
            users.spawn(Producer { world: world.clone(), seed }.live());
        }
        users.spawn(user.shop());
    }
    if !plan.scarce && world.chance(0.4) {
        users.spawn(Operator(world.clone()).live());
    }
    let mut browsers = JoinSet::new();
    // The first read of a stream returns all steps, so a single browser could not miss one.
    for number in 0..3 {
        browsers.spawn(Browser { world: world.clone(), number }.live());
    }
    let mut problems = Vec::new();
    let end = start + Duration::from_secs(plan.seconds.into());
    for tick in 1.. {
        if Instant::now() >= end {
            break;
        }
        tokio::time::sleep(world.millis(100, 1500)).await;
        if tick % TICKS_PER_RECEIPT == 0 && problems.is_empty() {
            problems = receipts::problems(&world, clock, &chats).await;
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
        let unfinished = if users.is_empty() { quiet::unfinished(&world).await } else { Some("users wait".to_owned()) };
        let Some(unfinished) = unfinished else { break };
        if healed.elapsed() > SETTLE_TIMEOUT {
            problems.push(format!("not quiet after {} s: {unfinished}", SETTLE_TIMEOUT.as_secs()));
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (streamed, wrong) = producers::orders(&world);
    problems.extend(wrong);
    let facts = facts::gather(&world, clock, &chats).await;
    let report = audit::check(&facts);
    problems.append(&mut locked(&world.stores.problems));
    problems.extend(timeline::problems(&world).await);
    let (loans, wrong) = borrowers::loans(&world);
    problems.extend(wrong);
    for finding in report.broken() {
        let rows = finding.violations.iter().map(|row| format!("{}: {}: {}", finding.number, row.row, row.problem));
        problems.extend(rows);
    }
    // The simulation has no sessions, so invariant 9 is left out.
    for finding in report.unchecked().filter(|finding| finding.number != 9 && !facts.orders.is_empty()) {
        problems.push(format!("{}: nothing was looked at: {:?}", finding.number, finding.missing));
    }
    world.end();
    Ran {
        plan,
        problems,
        history: world.history(),
        orders: ends(&facts.orders),
        loans,
        streamed,
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
        // The simulation ends no account, so not every process reads that topic.
        .filter(|route| route.has_inboxes() && !route.consumers.is_empty())
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
