//! Kills a server with all its processes at once, like a crash of the machine.

use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;
use tokio::process::Command;

use crate::process::{self, Child};

/// The system must remove the killed processes within this time.
const EXIT_TIMEOUT: Duration = Duration::from_secs(15);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Kills the process and its children. `child` is the process if this program has started it. Returns when all have
/// exited and hold no memory, files or ports.
pub async fn crash(pid: i32, child: Option<&Child>) -> anyhow::Result<()> {
    // The pid of an exited child may have been reused.
    if child.is_some_and(|child| child.ended().is_some()) {
        return Ok(());
    }
    if !has_ended(pid) {
        kill_all(pid).await?;
    }
    if child.is_some() {
        process::ended(child).await;
    }
    Ok(())
}

async fn kill_all(pid: i32) -> anyhow::Result<()> {
    // A stopped process starts no children, and its exited children keep their pids, so no other process is killed.
    process::kill(pid, Signal::STOP)?;
    let mut pids = children(pid).await;
    pids.insert(0, pid);
    for pid in &pids {
        // The process may have exited by itself.
        let _ = process::kill(*pid, Signal::KILL);
    }
    let end = async {
        while pids.iter().any(|pid| !has_ended(*pid)) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    tokio::time::timeout(EXIT_TIMEOUT, end)
        .await
        .with_context(|| format!("process {pid} does not end, though it was killed"))
}

async fn children(pid: i32) -> Vec<i32> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let pids = if let Ok(pids) = listed {
        pids
    } else {
        // Without a complete `/proc`, as on systems other than Linux.
        let output = Command::new("pgrep").args(["-P", &pid.to_string()]).output().await;
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    };
    pids.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Returns true if the process has exited or is a zombie, which holds no resources, and which its parent may never
/// reap.
fn has_ended(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    let is_zombie =
        state.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with(['Z', 'X'])));
    is_zombie || !process::is_alive(pid)
}
