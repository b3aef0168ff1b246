//! Fills the caseless keys of users that an older version registered.

use std::time::Duration;

use platform::{jobs::Job, outage::Outage, postgres::Database};
use tokio_util::sync::CancellationToken;

use crate::repository::{FILL_BATCH, fill_keys};

/// The period of the job. During a rolling upgrade, older replicas keep adding rows without keys.
const PERIOD: Duration = Duration::from_secs(10);

/// Returns the job, which may run in every replica, because filling a row twice changes nothing.
pub fn fill_caseless_keys(database: Database) -> Job {
    Job::new("caseless-keys", |stop| run(database, stop))
}

async fn run(database: Database, stop: CancellationToken) -> anyhow::Result<()> {
    let mut outage = Outage::new("PostgreSQL", "caseless-keys");
    loop {
        let pause = match fill_keys(&database).await {
            Ok(filled) => {
                outage.over();
                if filled > 0 {
                    tracing::info!(filled, "caseless keys filled");
                }
                if filled < FILL_BATCH.cast_unsigned() { PERIOD } else { Duration::ZERO }
            }
            Err(error) => {
                outage.met(format!("{:#}", anyhow::Error::from(error)));
                PERIOD
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
