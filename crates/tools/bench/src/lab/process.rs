//! A child process that runs this program, with its CPU time and memory.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use servers::process::{Child, Signal, mortal};
use tokio::time::Instant;

/// The unit of CPU times in `/proc`, in ticks per second: Linux reports this value to every program.
const TICKS_PER_SECOND: f64 = 100.0;
const EXIT_TIMEOUT: Duration = Duration::from_secs(20);
const CHECK_INTERVAL: Duration = Duration::from_millis(300);
/// The largest share of a core that an idle shop uses for polling.
const MAX_IDLE_SHARE: f64 = 0.12;
/// How many consecutive checks must find the shop idle.
const IDLE_CHECKS: u32 = 2;
const IDLE_TIMEOUT: Duration = Duration::from_mins(3);

pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Runs `program` with these arguments, and with no variables other than these. `name` is the name of its log.
    pub fn start(
        program: &Path,
        directory: &Path,
        name: &str,
        arguments: &[&str],
        variables: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let mut command = mortal(program, "KILL");
        command.args(arguments).current_dir(directory).env_clear();
        for name in ["PATH", "HOME", "LD_LIBRARY_PATH"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let log = directory.join(format!("{name}.log"));
        let child = Child::spawn(command, &log).with_context(|| format!("starting {name}"))?;
        Ok(Self { child, log })
    }

    /// If the process has exited, fails with the last line of its log.
    pub fn check(&self) -> anyhow::Result<()> {
        let Some(status) = self.child.ended() else { return Ok(()) };
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.trim_end().lines().next_back().unwrap_or("without a word");
        anyhow::bail!("it ended ({status}): {last}")
    }

    /// Returns the CPU time that the process has used on all cores.
    fn cpu(&self) -> anyhow::Result<Duration> {
        self.check()?;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.pid)).context("reading /proc")?;
        parse_cpu(&stat).context("/proc/PID/stat has another form than Linux gives it")
    }

    /// Returns the process's anonymous memory in KiB: heap and stacks, without the pages of its program file.
    pub fn anonymous_kib(&self) -> anyhow::Result<u64> {
        self.check()?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.pid)).context("reading /proc")?;
        anonymous(&status).context("/proc/PID/status has no RssAnon")
    }

    /// Waits until the process is idle, since a backlog would slow down the next measurement. Fails after three
    /// minutes.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + IDLE_TIMEOUT;
        let (mut before, mut at) = (self.cpu()?, Instant::now());
        let mut quiet = 0;
        while quiet < IDLE_CHECKS {
            anyhow::ensure!(Instant::now() < deadline, "the shop does not come to rest within {IDLE_TIMEOUT:?}");
            tokio::time::sleep(CHECK_INTERVAL).await;
            let (now, used) = (Instant::now(), self.cpu()?);
            let share = used.saturating_sub(before).as_secs_f64() / (now - at).as_secs_f64();
            quiet = if share <= MAX_IDLE_SHARE { quiet + 1 } else { 0 };
            (before, at) = (used, now);
        }
        Ok(())
    }

    pub async fn stop(&self) {
        self.child.stop(Signal::TERM, EXIT_TIMEOUT).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.signal(Signal::KILL);
    }
}

/// Returns the sum of user and system time of a line of `/proc/PID/stat`. The program's name may contain spaces, and
/// ends at the last bracket.
fn parse_cpu(stat: &str) -> Option<Duration> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<u32>().ok();
    Some(Duration::from_secs_f64((f64::from(ticks(11)?) + f64::from(ticks(12)?)) / TICKS_PER_SECOND))
}

/// Returns the number of KiB in the line `RssAnon` of `/proc/PID/status`.
fn anonymous(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_is_read_behind_its_name() {
        let stat = "71 (a (b) c) S 1 71 71 0 -1 4194560 1 2 3 4 250 50 7 8 20 0 9 0 100 1000 5";

        assert_eq!(parse_cpu(stat), Some(Duration::from_secs(3)));
        assert_eq!(parse_cpu("71 (x) S 1"), None);
        assert_eq!(parse_cpu(""), None);
    }

    #[test]
    fn the_memory_of_a_process_is_read_by_its_key() {
        assert_eq!(anonymous("VmRSS:\t  90 kB\nRssAnon:\t   40960 kB\n"), Some(40_960));
        assert_eq!(anonymous("VmRSS:\t  90 kB\n"), None);
    }
}
