//! One process of a service, which can be killed, frozen, terminated and restarted.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use servers::{
    free_address,
    process::{Child, Signal, mortal},
};

use platform::server::service::{SecondApi, Service};

/// A process must exit within this time, as in a container. It drains connections, then has 10 s for requests, 3 s for
/// background tasks and 1 s to close.
const EXIT_TIMEOUT: Duration = Duration::from_secs(30);

pub struct Replica {
    pub service: &'static Service,
    /// The replica's index within its service, from 0.
    pub number: usize,
    pub listen: SocketAddr,
    /// The address for other services: that of the gRPC API.
    pub called_at: SocketAddr,
    pub admin: SocketAddr,
    variables: Vec<(String, String)>,
    directory: PathBuf,
    child: Option<Child>,
    /// True if the process runs with extra variables of a fault.
    altered: bool,
    /// The process id for memory measurements; 0 while the process does not run.
    pid: Arc<AtomicI32>,
    /// Descriptions of the process's unexpected exits.
    unexpected_exits: Vec<String>,
}

impl Replica {
    /// Creates a replica without starting it. Its logs go into `directory`.
    pub fn new(service: &'static Service, number: usize, directory: PathBuf) -> anyhow::Result<Self> {
        let (listen, admin) = (free_address()?, free_address()?);
        let mut variables = vec![
            (service.variable("LISTEN"), listen.to_string()),
            (service.variable("ADMIN_LISTEN"), admin.to_string()),
        ];
        let mut called_at = listen;
        if let Some(api) = service.second_api {
            let second = free_address()?;
            variables.push((service.variable(api.listen_suffix()), second.to_string()));
            if matches!(api, SecondApi::Grpc(_)) {
                called_at = second;
            }
        }
        let (child, altered, pid, unexpected_exits) = (None, false, Arc::default(), Vec::new());
        Ok(Self {
            service,
            number,
            listen,
            called_at,
            admin,
            variables,
            directory,
            child,
            altered,
            pid,
            unexpected_exits,
        })
    }

    pub fn configure(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        self.variables.extend(variables);
    }

    /// Starts the process with extra variables `more`. It must not be running.
    pub fn start(&mut self, more: &[(&str, &str)]) -> anyhow::Result<()> {
        anyhow::ensure!(!self.is_running(), "{} {} runs already", self.service, self.number);
        self.forget();
        let program = std::env::current_exe().context("finding this program")?;
        let mut command: Command = mortal(&program, "KILL");
        command.args(["run", self.service.name]).current_dir(&self.directory).env_clear();
        // The child inherits only the variables needed to find and load the program, and the cluster's own.
        for name in ["PATH", "HOME", "LD_LIBRARY_PATH"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.envs(more.iter().copied());
        let log = self.directory.join(format!("{}-{}.log", self.service, self.number));
        let child =
            Child::spawn(command, &log).with_context(|| format!("starting {} {}", self.service, self.number))?;
        self.pid.store(child.pid, Ordering::Relaxed);
        (self.child, self.altered) = (Some(child), !more.is_empty());
        Ok(())
    }

    /// Removes the process from `self`, and records whether it had exited unexpectedly.
    fn forget(&mut self) -> Option<Child> {
        self.pid.store(0, Ordering::Relaxed);
        let child = self.child.take()?;
        let Some(status) = child.ended() else { return Some(child) };
        self.unexpected_exits.push(format!("{} {} ended by itself: {status}", self.service, self.number));
        None
    }

    /// Sends SIGKILL, and returns when the process has exited.
    pub async fn kill(&mut self) {
        if let Some(child) = self.forget() {
            child.stop(Signal::KILL, EXIT_TIMEOUT).await;
        }
    }

    /// Sends SIGTERM, as in a rolling update, and returns when the process has exited.
    pub async fn terminate(&mut self) {
        if let Some(child) = self.forget() {
            child.stop(Signal::TERM, EXIT_TIMEOUT).await;
        }
    }

    /// Sends SIGSTOP: the process keeps its connections, but does not run.
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

    pub fn is_running(&self) -> bool {
        self.child.as_ref().is_some_and(|child| child.ended().is_none())
    }

    pub fn is_altered(&self) -> bool {
        self.altered
    }

    /// Returns the unexpected exits since the last call.
    pub fn unexpected_exits(&mut self) -> Vec<String> {
        if !self.is_running() {
            self.forget();
        }
        std::mem::take(&mut self.unexpected_exits)
    }

    /// Returns the process id; 0 while the process does not run.
    pub fn pid(&self) -> Arc<AtomicI32> {
        self.pid.clone()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
