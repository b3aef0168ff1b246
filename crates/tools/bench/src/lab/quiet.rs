//! Waits until the shop has come to rest: a backlog that it still works on would slow down what is measured next.

use std::time::Duration;

use tokio::time::Instant;

use super::Process;

const LOOK: Duration = Duration::from_millis(300);
/// A shop at rest polls, and takes no more than this share of a core for that.
const AT_REST: f64 = 0.12;
/// Looks in a row that must find it at rest.
const LOOKS: u32 = 2;
const PATIENCE: Duration = Duration::from_mins(3);

/// Fails where that takes too long.
pub async fn wait(process: &Process) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let (mut before, mut at) = (process.cpu()?, Instant::now());
    let mut quiet = 0;
    while quiet < LOOKS {
        anyhow::ensure!(Instant::now() < deadline, "the shop does not come to rest within {PATIENCE:?}");
        tokio::time::sleep(LOOK).await;
        let (now, used) = (Instant::now(), process.cpu()?);
        let share = used.saturating_sub(before).as_secs_f64() / (now - at).as_secs_f64();
        quiet = if share <= AT_REST { quiet + 1 } else { 0 };
        (before, at) = (used, now);
    }
    Ok(())
}
