//! The path of money and ships in one thread: order, payment, inventory, assembly and delivery over their in-memory
//! stores. Time, network, broker and crashes follow from a seed, and an auditor checks the result.
//!
//! `SIM_SEEDS` sets how many seeds are run; `SIM_SEED=17 cargo test -p simulation one_seed -- --nocapture` shows the
//! history of one seed.

mod broker;
mod deliveries;
mod facts;
mod history;
mod network;
mod outbox;
mod peers;
mod plan;
mod process;
mod recording;
mod refunds;
mod run;
mod shop;
mod steps;
mod users;
mod world;

use std::{
    fmt::Write as _,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use plan::{Fault, Mistake, Plan};
use run::{NOT_SIMULATED, Ran, run, shrink};
use world::locked;

/// The default numbers of seeds, for any shop and for a shop with few parts. Each deliberate mistake must be found
/// within as many seeds. `task proof` runs ten thousand of both.
const SEEDS: u64 = 2_000;
const SCARCE_SEEDS: u64 = 1_000;

fn variable<T>(name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    let value = std::env::var(name).ok()?;
    Some(parse(&value).unwrap_or_else(|| panic!("{name} is wrong: {value}")))
}

/// Runs the plans of `0..seeds` in parallel until a run has a problem that matches `like`, and returns that run.
fn search(
    seeds: u64,
    plan: impl Fn(u64) -> Plan + Sync,
    like: fn(&str) -> bool,
    each: impl Fn(&Ran) + Sync,
) -> Option<Ran> {
    let (next, found) = (AtomicU64::new(0), Mutex::new(None::<Ran>));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || locked(&found).is_some() {
                        break;
                    }
                    let ran = run(plan(seed), false);
                    each(&ran);
                    if ran.problems.iter().any(|problem| like(problem)) {
                        locked(&found).get_or_insert(ran);
                    }
                }
            });
        }
    });
    found.into_inner().unwrap_or_default()
}

fn report(ran: &Ran) -> String {
    let mut text = String::new();
    for line in ran.history.lines() {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "\n{:?}", ran.plan);
    for problem in &ran.problems {
        let _ = writeln!(text, "{problem}");
    }
    let _ = writeln!(text, "again: SIM_SEED={} cargo test -p simulation one_seed -- --nocapture", ran.plan);
    text
}

#[derive(Default)]
struct Sums {
    orders: [usize; 3],
    struck: [usize; Fault::ALL.len()],
    looked_at: [usize; 14],
    events: usize,
    simulated: Duration,
}

impl Sums {
    fn add(&mut self, ran: &Ran) {
        add(&mut self.orders, &ran.orders);
        add(&mut self.struck, &ran.struck);
        add(&mut self.looked_at, &ran.looked_at);
        self.events += ran.history.length;
        self.simulated += ran.simulated;
    }
}

fn add(sums: &mut [usize], counts: &[usize]) {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

#[test]
fn no_seed_loses_doubles_or_half_undoes_anything() {
    let seeds = variable("SIM_SEEDS", |text| text.parse().ok()).unwrap_or(SEEDS);
    let start = std::time::Instant::now();
    let sums = Mutex::new(Sums::default());

    let wrong = search(seeds, Plan::from_seed, |_| true, |ran| locked(&sums).add(ran));

    if let Some(wrong) = wrong {
        let seed = wrong.plan.seed;
        panic!("seed {seed} goes wrong; the shortest history found:\n{}", report(&shrink(wrong)));
    }
    let Sums { orders, struck, looked_at, events, simulated } = sums.into_inner().unwrap_or_default();
    let took = start.elapsed();
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    let rate = seeds as f64 / took.as_secs_f64();
    println!(
        "{seeds} seeds in {took:.1?}, {rate:.0} per second; {} h of simulated time, {events} events",
        simulated.as_secs() / 3600
    );
    println!("orders: {} built, {} paid and undone, {} never paid", orders[0], orders[1], orders[2]);
    println!("faults: {:?}", Fault::ALL.into_iter().zip(struck).collect::<Vec<_>>());
    println!("looked at, by invariant: {looked_at:?}");
    if seeds >= 1000 {
        assert!(orders.iter().all(|count| *count > 0), "{orders:?}");
        assert!(struck.iter().all(|count| *count > 0), "{struck:?}");
        let simulated = (1..).zip(looked_at).filter(|(number, _)| !NOT_SIMULATED.contains(number));
        assert!(simulated.into_iter().all(|(_, count)| count > 0), "{looked_at:?}");
    }
}

#[test]
fn no_seed_of_a_shop_with_few_parts_charges_what_it_cancels() {
    let seeds = variable("SIM_SEEDS", |text| text.parse().ok()).unwrap_or(SCARCE_SEEDS);

    let wrong = search(seeds, Plan::scarce, |_| true, |_| {});

    if let Some(wrong) = wrong {
        let seed = wrong.plan.seed;
        panic!("seed {seed} goes wrong; the shortest history found:\n{}", report(&shrink(wrong)));
    }
}

#[test]
fn one_seed() {
    let plan = variable("SIM_SEED", Plan::parse).unwrap_or_else(|| Plan::from_seed(1));

    let ran = run(plan, true);

    println!("{}", report(&ran));
    assert!(ran.problems.is_empty(), "seed {plan} goes wrong");
}

#[test]
fn the_same_seed_is_the_same_history() {
    for seed in 0..100 {
        let (first, second) = (run(Plan::from_seed(seed), true), run(Plan::from_seed(seed), true));

        let both = || first.history.lines().iter().zip(second.history.lines());
        let parting = both().find(|(one, other)| one != other);
        assert_eq!(parting, None, "seed {seed}");
        assert_eq!(first.history.hash(), second.history.hash(), "seed {seed}");
    }
}

#[test]
fn a_plan_is_read_as_it_is_written() {
    for plan in [Plan::from_seed(7), Plan::from_seed(7).smaller()[0], Plan::scarce(7), Plan::scarce(7).smaller()[0]] {
        assert_eq!(Plan::parse(&plan.to_string()), Some(plan));
    }
}

/// Checks that a run of at most `seeds` such plans has a problem from this mistake that matches `like`.
fn is_found(mistake: Mistake, seeds: u64, plan: fn(u64) -> Plan, like: fn(&str) -> bool) {
    let tried = AtomicU64::new(0);

    let wrong = search(
        seeds,
        |seed| plan(seed).with(mistake),
        like,
        |_| {
            tried.fetch_add(1, Ordering::Relaxed);
        },
    );

    let wrong = wrong.unwrap_or_else(|| panic!("{mistake:?} is not found within {seeds} seeds"));
    let found = wrong.problems.iter().find(|problem| like(problem));
    println!("{mistake:?} is found after {tried:?} seeds: {}", found.map_or("", String::as_str));
}

/// Returns true if the mistake causes such a problem.
type Like = fn(&str) -> bool;

#[test]
fn every_deliberate_mistake_is_found() {
    // The auditor's findings begin with an invariant's number.
    let any = |problem: &str| problem.starts_with(|first: char| first.is_ascii_digit());
    let two_relays = |problem: &str| problem.contains("had taken the lease of its relay");
    let expired = |problem: &str| problem.starts_with("3: ") && problem.contains("expired although the order existed");
    let mistakes: [(Mistake, Like); 10] = [
        (Mistake::AcknowledgeBeforeEffect, any),
        (Mistake::NoInbox, any),
        (Mistake::PublishBeforeCommit, any),
        (Mistake::ReadThenWriteStock, any),
        (Mistake::TimeoutIsFailure, any),
        (Mistake::MarkBeforeAck, any),
        (Mistake::NewKeyOnRetry, any),
        (Mistake::AbandonWhatMayBeCharged, |problem| problem.starts_with("2: ")),
        (Mistake::UnfencedRelay, two_relays),
        (Mistake::ExpireWithoutAsking, expired),
    ];
    for (mistake, like) in mistakes {
        is_found(mistake, SEEDS, Plan::from_seed, like);
    }
    is_found(Mistake::UnfencedAttempts, SCARCE_SEEDS, Plan::scarce, |problem| {
        problem.contains("was charged, but never became PAID")
    });
}

#[test]
fn the_recordings_of_mistakes_about_charges_have_impossible_steps() {
    let impossible = |problem: &str| problem.starts_with(recording::PREFIX);
    for mistake in [Mistake::TimeoutIsFailure, Mistake::AbandonWhatMayBeCharged] {
        is_found(mistake, SEEDS, Plan::from_seed, impossible);
    }
    is_found(Mistake::UnfencedAttempts, SCARCE_SEEDS, Plan::scarce, impossible);
}
