//! Two replicas compete to move couriers: the leaseholder is frozen, another replica takes over, and the first must be
//! fenced off.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::inject;
use crate::{
    cluster::Cluster,
    experiment::{Experiment, Fault, Injected, Injection},
};

pub const FAULTS: [Fault; 1] = [Fault::new(
    10,
    "two-movers",
    "the process of delivery that moves the couriers is frozen, and resumed",
    inject!(freeze),
)
.times(3, 1)
.holds("Another moves them within 15 s; the frozen one moves none after it is resumed.")];

/// How soon another replica must have moved couriers.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long both replicas run after the first one was resumed.
const BOTH_RUN_FOR: Duration = Duration::from_secs(3);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

async fn freeze(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let mut done = Injection::default();
    for _ in 0..experiment.times {
        let number = mover(experiment).await?;
        experiment.cluster.replicas.get(&delivery::SERVICE, number)?.freeze();
        let frozen = Instant::now();
        // Once another replica has the lease, only that replica makes further deliveries.
        let (mut before, mut after) = (None, None);
        while frozen.elapsed() < TAKEOVER_TIMEOUT && after.is_none() {
            sleep(POLL_INTERVAL).await;
            if mover(experiment).await? != number {
                let now = delivered(&experiment.cluster).await?;
                let before = *before.get_or_insert(now);
                after = (now > before).then(|| frozen.elapsed());
            }
        }
        experiment.cluster.replicas.get(&delivery::SERVICE, number)?.thaw();
        experiment.cause_removed();
        match after {
            Some(took) => done.notes.push(format!(
                "a ship delivered by another {:.1} s after delivery {number} was frozen",
                took.as_secs_f64()
            )),
            None => {
                done.problems.push(format!("no ship was delivered by another within {} s", TAKEOVER_TIMEOUT.as_secs()));
            }
        }
        done.times += 1;
        sleep(BOTH_RUN_FOR).await;
    }
    Ok(Injected::Done(done))
}

/// Returns the replica that holds the lease for moving couriers.
async fn mover(experiment: &mut Experiment) -> anyhow::Result<usize> {
    experiment.cluster.holder(&delivery::SERVICE, "move-couriers").await
}

async fn delivered(cluster: &Cluster) -> anyhow::Result<i64> {
    cluster.count(&delivery::SERVICE, "select count(*) from orders where state = 'COMPLETED'").await
}
