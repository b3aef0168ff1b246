//! P5: Login compared with a bare password hash, and the effect of a flood of logins on logged-in users.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::{
    lab::{Customer, Lab, Shop, Variant},
    report::{Aim, Role, Row, Unit},
    rounds::{Probe, interleave},
    sample::{Sample, closed_loop, paced, per_second},
    work::{Login, Whoami},
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
    let callers: Arc<[Customer]> = lab.some_customers(&shop, CALLERS).await?.into();
    let (shop, users, callers, time) = (&shop, &users[..], &callers, lab.effort.time);
    let probes = vec![
        Probe::numerator("Login", || async move { closed_loop(Login::workers(shop.iam, users)?, time).await }),
        Probe::denominator("argon2id of the same cost, a thread per core", || async move { raw(time).await }),
        Probe::new(Role::Numerator, Unit::Milliseconds, "p99 of Whoami in a flood of logins", || {
            in_a_flood(shop, users, callers, time)
        }),
        Probe::new(Role::Denominator, Unit::Milliseconds, "p99 of Whoami alone", || whoami(shop, callers, time)),
    ];
    let taken = interleave(probes, lab.effort, &lab.progress, async || lab.settle().await).await?;
    let of = |numerator: usize| move |round: &[Sample]| round[numerator].value / round[numerator + 1].value;
    Ok(vec![
        taken.row("P5", "Login ÷ raw argon2 on all cores", Aim::AtLeast(0.97), &[0, 1], of(0))?,
        taken.row("P5", "Whoami p99 in a login flood ÷ idle", Aim::AtMost(2.0), &[2, 3], of(2))?,
    ])
}

/// Runs a few callers of Whoami. The figure is their p99.
async fn whoami(shop: &Shop, callers: &Arc<[Customer]>, time: Duration) -> anyhow::Result<Sample> {
    let sample = paced(Whoami::workers(shop.iam, CALLERS, callers)?, CALLER_PAUSE, time).await?;
    Ok(Sample { value: sample.p99.context("no latency was measured")?, ..sample })
}

async fn in_a_flood(
    shop: &Shop,
    users: &[Customer],
    callers: &Arc<[Customer]>,
    time: Duration,
) -> anyhow::Result<Sample> {
    let flood = closed_loop(Login::workers(shop.iam, users)?, time);
    let (_, sample) = tokio::try_join!(flood, whoami(shop, callers, time))?;
    Ok(sample)
}

/// Hashes on all cores at iam's default cost, reusing memory.
async fn raw(time: Duration) -> anyhow::Result<Sample> {
    let threads = std::thread::available_parallelism()?.get();
    let begun = Instant::now();
    let hashing = (0..threads).map(|_| tokio::task::spawn_blocking(move || hash(begun + time)));
    let mut latencies = Vec::new();
    for hashed in hashing.collect::<Vec<_>>() {
        latencies.extend(hashed.await??);
    }
    let (count, window) = (latencies.len(), begun.elapsed());
    let sample = Sample::timed(latencies, count, window)?;
    Ok(Sample { value: per_second(count, window), ..sample })
}

/// Hashes passwords one by one until `end`. Returns the duration of each hash in microseconds.
fn hash(end: Instant) -> anyhow::Result<Vec<u32>> {
    let params = Params::new(Params::DEFAULT_M_COST, Params::DEFAULT_T_COST, 1, Some(HASH_BYTES));
    let params = params.map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (mut latencies, mut hash) = (Vec::new(), [0; HASH_BYTES]);
    while Instant::now() < end {
        let begun = Instant::now();
        argon
            .hash_password_into_with_memory(b"SecurePassword123!", b"sixteen bytes of", &mut hash, &mut memory)
            .map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
        latencies.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(latencies)
}
