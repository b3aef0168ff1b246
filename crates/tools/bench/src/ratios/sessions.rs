//! P2: Whoami, compared with an empty call and a read of Redis. P5: Login compared with a bare password hash, and the
//! effect of a flood of logins on logged-in users.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use drive::{account::Account, latencies::Latencies};

use super::CONCURRENT_REQUESTS;
use crate::{
    lab::{Lab, Shop, Variant},
    report::{Aim, Role, Row, Unit},
    rounds::{Probe, interleave},
    sample::{Sample, closed_loop, paced},
    statistics::additive_limit,
    work::{Customer, EmptyCall, Operation, RedisGet},
};

/// The number of concurrent logins: more than cores, fewer than iam's queue accepts.
const LOGINS: usize = 16;
/// The number of callers of Whoami, and each caller's pause: some two hundred calls a second.
const CALLERS: usize = 4;
const CALLER_PAUSE: Duration = Duration::from_millis(20);
/// The length of iam's hashes.
const HASH_BYTES: usize = 32;

pub async fn login(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    let shop = lab.shop(Variant::CostlyPasswords).await?;
    let users = lab.some_customers(&shop, LOGINS).await?;
    // These users do not log in during the measurement: iam ends the oldest session of a user with too many.
    let callers = lab.some_customers(&shop, CALLERS).await?;
    let (shop, users, callers, time) = (&shop, &users, &callers, lab.effort.time);
    let probes = vec![
        Probe::numerator("Login", || logins(shop, users, time)),
        Probe::denominator("argon2id of the same cost, a thread per core", || async move { raw(time).await }),
        Probe::new(Role::Numerator, Unit::Milliseconds, "p99 of Whoami in a flood of logins", || {
            in_a_flood(shop, users, callers, time)
        }),
        Probe::new(Role::Denominator, Unit::Milliseconds, "p99 of Whoami alone", || paced_whoami(shop, callers, time)),
    ];
    let taken = interleave(probes, lab.effort, async || lab.settle().await).await?;
    let of = |numerator: usize| move |round: &[Sample]| round[numerator].value / round[numerator + 1].value;
    Ok(vec![
        taken.row("P5", "logins a second ÷ hashes a second", Aim::AtLeast(0.97), &[0, 1], of(0))?,
        taken.row("P5", "p99 of Whoami in a flood of logins ÷ alone", Aim::AtMost(2.0), &[2, 3], of(2))?,
    ])
}

async fn logins(shop: &Shop, users: &Arc<[Account]>, time: Duration) -> anyhow::Result<Sample> {
    closed_loop(Customer::workers(shop, LOGINS, users, &Operation::Login)?, time).await
}

/// Runs a few callers of Whoami. The figure is their p99.
async fn paced_whoami(shop: &Shop, callers: &Arc<[Account]>, time: Duration) -> anyhow::Result<Sample> {
    let sample = paced(Customer::workers(shop, CALLERS, callers, &Operation::Whoami)?, CALLER_PAUSE, time).await?;
    Ok(Sample { value: sample.p99.context("no latency was measured")?, ..sample })
}

async fn in_a_flood(
    shop: &Shop,
    users: &Arc<[Account]>,
    callers: &Arc<[Account]>,
    time: Duration,
) -> anyhow::Result<Sample> {
    let (_, sample) = tokio::try_join!(logins(shop, users, time), paced_whoami(shop, callers, time))?;
    Ok(sample)
}

/// Hashes on all cores at iam's default cost, reusing memory.
async fn raw(time: Duration) -> anyhow::Result<Sample> {
    let threads = std::thread::available_parallelism()?.get();
    let begun = Instant::now();
    let hashing = (0..threads).map(|_| tokio::task::spawn_blocking(move || hash(begun + time)));
    let mut latencies = Latencies::default();
    for hashed in hashing.collect::<Vec<_>>() {
        latencies.add(&hashed.await??);
    }
    Sample::timed(&latencies, begun.elapsed())
}

/// Hashes passwords one by one until `end`. Returns how long each hash took.
fn hash(end: Instant) -> anyhow::Result<Latencies> {
    let params = Params::new(Params::DEFAULT_M_COST, Params::DEFAULT_T_COST, 1, Some(HASH_BYTES));
    let params = params.map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (mut latencies, mut hash) = (Latencies::default(), [0; HASH_BYTES]);
    while Instant::now() < end {
        let begun = Instant::now();
        argon
            .hash_password_into_with_memory(b"SecurePassword123!", b"sixteen bytes of", &mut hash, &mut memory)
            .map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
        latencies.record(begun.elapsed());
    }
    Ok(latencies)
}

pub async fn whoami(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    let customers = lab.customers().await?;
    let shop = lab.shop(Variant::Usual).await?;
    let (nothing, servers) = (lab.nothing().await?, lab.servers().await?);
    let (shop, customers, time) = (&shop, &customers, lab.effort.time);
    let probes = vec![
        Probe::numerator("Whoami", || async move {
            closed_loop(Customer::workers(shop, CONCURRENT_REQUESTS, customers, &Operation::Whoami)?, time).await
        }),
        Probe::denominator("empty gRPC call", || async move {
            closed_loop(EmptyCall::workers(nothing, CONCURRENT_REQUESTS)?, time).await
        }),
        Probe::denominator("Redis GET", || async move {
            closed_loop(RedisGet::workers(servers.redis_url(), CONCURRENT_REQUESTS).await?, time).await
        }),
    ];
    let taken = interleave(probes, lab.effort, async || lab.settle().await).await?;
    let row = taken.row("P2", "Whoami ÷ L", Aim::AtLeast(0.9), &[0, 1, 2], |round| {
        round[0].value / additive_limit(&[round[1].value, round[2].value])
    })?;
    let limit = taken.limit(&[1, 2]);
    Ok(vec![row.with_notes([format!("L = 1/(1/empty gRPC + 1/Redis GET) = {limit:.0}/s; 64 calls at once")])])
}
