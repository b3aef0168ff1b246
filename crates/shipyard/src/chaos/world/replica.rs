//! One process of one service, which can be killed, frozen, ended and started again where it was.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use anyhow::Context as _;
use servers::process::{Child, Signal, mortal};

use crate::services::Service;

/// How long a process may take to end by itself: its own bound is 8 s and its drain.
const PATIENCE: Duration = Duration::from_secs(15);

pub struct Replica {
    pub service: Service,
    /// From 0.
    pub number: usize,
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    variables: Vec<(String, String)>,
    directory: PathBuf,
    child: Option<Child>,
}

impl Replica {
    /// A replica that does not run yet. Its logs go into `directory`.
    pub fn new(service: Service, number: usize, directory: PathBuf) -> anyhow::Result<Self> {
        let (listen, admin) = (free_address()?, free_address()?);
        let variables = vec![
            (service.variable("LISTEN"), listen.to_string()),
            (service.variable("ADMIN_LISTEN"), admin.to_string()),
            ("KAFKA_INSTANCE_ID".to_owned(), format!("{service}-{number}")),
        ];
        Ok(Self { service, number, listen, admin, variables, directory, child: None })
    }

    pub fn configure(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        self.variables.extend(variables);
    }

    /// Starts the process, with `more` variables for this life alone.
    pub fn start(&mut self, more: &[(&str, &str)]) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("finding this program")?;
        let mut command: Command = mortal(&program, "KILL");
        command.args(["run", self.service.name()]).current_dir(&self.directory).env_clear();
        // What a program needs to be found and loaded; of the shop's variables it gets ours and no others.
        for name in ["PATH", "HOME", "LD_LIBRARY_PATH"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.envs(more.iter().copied());
        let log = self.directory.join(format!("{}-{}.log", self.service, self.number));
        let started = Child::spawn(command, &log);
        self.child = Some(started.with_context(|| format!("starting {} {}", self.service, self.number))?);
        Ok(())
    }

    /// `kill -9`; returns when the process is gone.
    pub async fn kill(&mut self) {
        if let Some(child) = self.child.take() {
            child.stop(Signal::KILL, PATIENCE).await;
        }
    }

    /// SIGTERM, as whoever replaces a replica sends it; returns when the process has ended.
    pub async fn terminate(&mut self) {
        if let Some(child) = self.child.take() {
            child.stop(Signal::TERM, PATIENCE).await;
        }
    }

    /// SIGSTOP: the process is there, its connections too, and nothing moves.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            child.signal(signal);
        }
    }

    /// True from its start to its end, however it ends.
    pub fn is_running(&self) -> bool {
        self.child.as_ref().is_some_and(|child| child.ended().is_none())
    }

    /// Resident memory in bytes, where the system tells it (Linux).
    pub fn memory(&self) -> Option<u64> {
        let pid = self.child.as_ref().filter(|child| child.ended().is_none())?.pid;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// A loopback address on which no outgoing connection's port is ever in the way of a restart: on Linux one of its own.
fn free_address() -> anyhow::Result<SocketAddr> {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let ip = if cfg!(target_os = "linux") {
        let [.., high, low] = std::process::id().to_be_bytes();
        Ipv4Addr::new(127, high.max(1), low, COUNT.fetch_add(1, Ordering::Relaxed))
    } else {
        Ipv4Addr::LOCALHOST
    };
    let listener = TcpListener::bind((IpAddr::V4(ip), 0)).context("finding a free port")?;
    listener.local_addr().context("finding a free port")
}
