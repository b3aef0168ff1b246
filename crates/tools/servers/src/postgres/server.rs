//! The server process: initialisation, start and stop.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::Signal;
use sqlx::{Connection as _, PgConnection};

use super::{Binaries, Options, account::Account};
use crate::{
    crash::crash,
    process::{self, Child},
};

/// The server must start within this time, including crash recovery.
const STARTUP_TIMEOUT: Duration = Duration::from_mins(2);
/// The server must shut down within this time, including a checkpoint, which writes at least as much as `max_wal_size`
/// to the disk.
const STOP_TIMEOUT: Duration = Duration::from_mins(2);
/// A longer shutdown is logged after this time, and each such interval.
const SLOW_STOP: Duration = Duration::from_secs(3);

/// The server's default settings: little memory, full durability, and no data in the log.
const SETTINGS: [(&str, &str); 12] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("max_connections", "220"),
    ("shared_buffers", "32MB"),
    ("jit", "off"),
    ("max_wal_size", "256MB"),
    ("autovacuum_max_workers", "1"),
    ("max_parallel_workers", "0"),
    ("log_min_messages", "warning"),
    // Statement parameters and error details, such as of a duplicate key, may contain users' secrets and contacts.
    ("log_parameter_max_length", "0"),
    ("log_parameter_max_length_on_error", "0"),
    ("log_error_verbosity", "terse"),
];

/// A running server. Dropping it signals it to stop; [`stop`](Self::stop) also waits.
pub struct Postgres {
    /// The superuser's URL of the database `postgres`.
    pub url: String,
    pub binaries: Binaries,
    pid: i32,
    child: Option<Child>,
    _lock: File,
}

impl Postgres {
    pub(super) async fn start(options: &Options, binaries: &Binaries) -> anyhow::Result<Self> {
        let account = Account::choose()?;
        let home = account.home(&options.data).context("making a place for PostgreSQL's data")?;
        let files = Files::new(&home);
        let lock = process::lock(&home)?;
        files.end_leftover().await.context("ending a PostgreSQL that an earlier run left behind")?;
        let unused = process::until_unused(&home).await?;
        let password = process::secret(&files.password)?;
        account.own(&files.password)?;
        if !files.data.join("PG_VERSION").exists() {
            tracing::info!("preparing PostgreSQL {} in {}", binaries.version, options.data.display());
            files.initialise(&account, binaries, &unused).await.context("preparing PostgreSQL's data")?;
        }
        let port = process::free_port(&files.port)?;
        let mut command = account.command(&binaries.directory.join("postgres"), options.mortal.then_some("INT"))?;
        command.arg("-D").arg(&files.data).arg("-p").arg(port.to_string()).current_dir(&home);
        for (name, value) in SETTINGS.iter().chain(&options.settings) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let child = Child::holding(&unused, command, &files.log)?;
        process::wait_until(&child, &files.log, STARTUP_TIMEOUT, async || files.is_ready())
            .await
            .with_context(|| format!("starting PostgreSQL from {}", binaries.directory.display()))?;
        let pid = files.pid().context("PostgreSQL has left no pid")?;
        let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres");
        let connection = PgConnection::connect(&url).await.context("connecting to the PostgreSQL that was started")?;
        connection.close().await?;
        Ok(Self { url, binaries: binaries.clone(), pid, child: options.mortal.then_some(child), _lock: lock })
    }

    /// Returns the pid of the postmaster, the parent of the server's other processes.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Kills all server processes at once, like a crash. Returns when they have exited. The next start performs crash
    /// recovery.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        let child = self.child.take();
        crash(self.pid, child.as_ref()).await.context("killing PostgreSQL")
    }

    pub async fn ended(&self) {
        process::ended(self.child.as_ref()).await;
    }

    /// Shuts the server down cleanly, and waits for its last checkpoint. After [`STOP_TIMEOUT`], kills its processes.
    pub async fn stop(mut self) {
        let Some(child) = self.child.take() else { return };
        child.signal(Signal::INT);
        let log = async {
            loop {
                tokio::time::sleep(SLOW_STOP).await;
                tracing::info!("waiting for PostgreSQL to write its last checkpoint");
            }
        };
        tokio::select! {
            () = process::ended(Some(&child)) => {}
            () = log => {}
            () = tokio::time::sleep(STOP_TIMEOUT) => {
                tracing::warn!("PostgreSQL has not shut down in {STOP_TIMEOUT:?}, and is killed; the next start performs crash recovery");
                // Kill all of them: a remaining process would keep the next server from starting.
                if let Err(error) = crash(self.pid, Some(&child)).await {
                    tracing::error!("{error:#}");
                }
            }
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            child.signal(Signal::INT);
        }
    }
}

struct Files {
    data: PathBuf,
    password: PathBuf,
    port: PathBuf,
    log: PathBuf,
}

impl Files {
    fn new(home: &Path) -> Self {
        let [data, password, port, log] = ["data", "password", "port", "log"].map(|name| home.join(name));
        Self { data, password, port, log }
    }

    /// Creates the data directory atomically: as a draft that is then renamed.
    async fn initialise(&self, account: &Account, binaries: &Binaries, unused: &File) -> anyhow::Result<()> {
        let draft = self.data.with_extension("new");
        if draft.exists() {
            std::fs::remove_dir_all(&draft)?;
        }
        let mut command = account.command(&binaries.directory.join("initdb"), Some("TERM"))?;
        command.arg("-D").arg(&draft).arg("--pwfile").arg(&self.password);
        command.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]);
        command.current_dir(self.data.parent().unwrap_or(Path::new("/"))).stdin(unused.try_clone()?);
        run(command).await?;
        std::fs::rename(&draft, &self.data)?;
        Ok(())
    }

    /// Stops the server that a killed run left behind, and removes its stale files.
    async fn end_leftover(&self) -> anyhow::Result<()> {
        let file = self.postmaster();
        if !file.exists() {
            return Ok(());
        }
        if let Some(pid) = self.pid() {
            if process::is_alive(pid) && process::works_in(pid, &self.data) {
                tracing::info!(pid, "ending a PostgreSQL that an earlier run left behind");
            }
            process::end_leftover(pid, &self.data, [Signal::INT, Signal::QUIT]).await?;
        }
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Returns the path of the server's status file, with the pid in line 1 and the state in line 8.
    fn postmaster(&self) -> PathBuf {
        self.data.join("postmaster.pid")
    }

    fn pid(&self) -> Option<i32> {
        std::fs::read_to_string(self.postmaster()).ok()?.lines().next()?.trim().parse().ok()
    }

    fn is_ready(&self) -> bool {
        let status = std::fs::read_to_string(self.postmaster()).unwrap_or_default();
        status.lines().nth(7).is_some_and(|status| status.trim() == "ready")
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    let output = tokio::process::Command::from(command).kill_on_drop(true).output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    // Prefer a line with the cause: the last line names only the consequence.
    let cause = said
        .lines()
        .find(|line| ["FATAL:", "PANIC:", "error:", "No space left"].iter().any(|word| line.contains(word)));
    let cause = cause.or_else(|| said.trim_end().lines().next_back()).unwrap_or("initdb failed");
    anyhow::ensure!(output.status.success(), "{cause}");
    Ok(())
}
