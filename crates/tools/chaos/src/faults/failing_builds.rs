//! All builds fail, and the refunds fail at first.

use std::{collections::HashMap, time::Duration};

use stand_ins::{EntryKind, Mode, Provider};
use tokio::time::sleep;

use super::inject;
use crate::{
    cluster::Cluster,
    experiment::{Experiment, Fault, Injected, Injection},
    wait::until,
};

pub const FAULTS: [Fault; 1] = [Fault::new(
    8,
    "assembly-fails",
    "no ship can be built, and each refund fails five times before it works",
    inject!(fail),
)
.lasting(15, 6)
.holds("Each refund is made once.")];

/// The number of attempts of each refund that fail.
const FAILED_ATTEMPTS: usize = 5;
/// The sixth attempt must end within this time: the backoffs between attempts are 2, 4, 8, 10 and 10 s.
const REFUND_TIMEOUT: Duration = Duration::from_mins(1);

async fn fail(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let before = failed_ships(&experiment.cluster).await?;
    let earlier = persistent_refunds(&experiment.cluster.provider);
    experiment.cluster.provider.be(Mode::RefundingLate(FAILED_ATTEMPTS));
    experiment.cluster.replicas.replace(&assembly::SERVICE, &[("ASSEMBLY_FAILURE_RATE", "1")]).await?;
    sleep(experiment.lasting).await;
    experiment.cluster.replicas.replace(&assembly::SERVICE, &[]).await?;
    let made = async || Ok(persistent_refunds(&experiment.cluster.provider) > earlier);
    until(REFUND_TIMEOUT, made).await?;
    experiment.cluster.provider.be(Mode::Well);
    experiment.cause_removed();
    let refunds = persistent_refunds(&experiment.cluster.provider) - earlier;
    let ships = usize::try_from(failed_ships(&experiment.cluster).await? - before)?;
    let mut done = Injection::at_least_one(ships, "no ship failed");
    if refunds == 0 {
        done.problems
            .push(format!("the fault had no effect: no refund failed {FAILED_ATTEMPTS} times and worked then"));
    }
    done.notes.push(format!("{refunds} refunds had failed {FAILED_ATTEMPTS} times and were made then, once"));
    Ok(Injected::Done(done))
}

/// Returns how many refunds were attempted more than [`FAILED_ATTEMPTS`] times, and succeeded exactly once.
fn persistent_refunds(provider: &Provider) -> usize {
    let mut asked: HashMap<String, usize> = HashMap::new();
    for key in provider.posts().iter().filter_map(|post| post.get("Idempotency-Key")) {
        *asked.entry(key.clone()).or_default() += 1;
    }
    let mut made: HashMap<String, usize> = HashMap::new();
    for entry in provider.entries().into_iter().filter(|entry| entry.kind == EntryKind::Refund) {
        *made.entry(entry.key).or_default() += 1;
    }
    made.iter()
        .filter(|(key, times)| **times == 1 && asked.get(*key).is_some_and(|asked| *asked > FAILED_ATTEMPTS))
        .count()
}

async fn failed_ships(cluster: &Cluster) -> anyhow::Result<i64> {
    cluster.count(&assembly::SERVICE, "select count(*) from jobs where status = 'failed'").await
}
