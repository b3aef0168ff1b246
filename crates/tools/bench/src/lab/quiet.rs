//! Waits until the shop is idle: a backlog would slow down the next measurement.

use std::time::Duration;

use tokio::time::Instant;

use super::Process;

const CHECK_INTERVAL: Duration = Duration::from_millis(300);
/// The largest share of a core that an idle shop uses for polling.
const MAX_IDLE_SHARE: f64 = 0.12;
/// How many consecutive checks must find the shop idle.
const IDLE_CHECKS: u32 = 2;
const IDLE_TIMEOUT: Duration = Duration::from_mins(3);

/// Waits until the process is idle. Fails after three minutes.
pub async fn wait(process: &Process) -> anyhow::Result<()> {
    let deadline = Instant::now() + IDLE_TIMEOUT;
    let (mut before, mut at) = (process.cpu()?, Instant::now());
    let mut quiet = 0;
    while quiet < IDLE_CHECKS {
        anyhow::ensure!(Instant::now() < deadline, "the shop does not come to rest within {IDLE_TIMEOUT:?}");
        tokio::time::sleep(CHECK_INTERVAL).await;
        let (now, used) = (Instant::now(), process.cpu()?);
        let share = used.saturating_sub(before).as_secs_f64() / (now - at).as_secs_f64();
        quiet = if share <= MAX_IDLE_SHARE { quiet + 1 } else { 0 };
        (before, at) = (used, now);
    }
    Ok(())
}
