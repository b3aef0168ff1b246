//! Redis or Valkey as a child process.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::Signal;

use crate::{
    crash::crash,
    process::{self, Child},
};

/// The server must load its data within this time.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Options {
    /// The data directory, created if necessary.
    pub data: PathBuf,
    /// If true, the server ends with this process. Otherwise it keeps running; its pid is in the file `pid`.
    pub mortal: bool,
}

/// A running server. Dropping it signals it to stop; [`stop`](Self::stop) also waits.
pub struct Redis {
    pub url: String,
    pid: i32,
    child: Option<Child>,
    _lock: File,
}

pub fn program() -> Option<PathBuf> {
    ["redis-server", "valkey-server"].into_iter().find_map(process::find)
}

/// Starts a persistent server; returns `None` if no program is installed.
pub async fn start(options: &Options) -> anyhow::Result<Option<Redis>> {
    let Some(program) = program() else { return Ok(None) };
    let redis = run(&program, options).await.with_context(|| format!("starting {}", program.display()))?;
    Ok(Some(redis))
}

async fn run(program: &Path, options: &Options) -> anyhow::Result<Redis> {
    process::private_directory(&options.data)?;
    let data = options.data.canonicalize()?;
    let lock = process::lock(&data)?;
    let (pid_file, unused) = end_leftover(&data).await?;
    let port = process::free_port(&data.join("port"))?;
    let password = process::secret(&data.join("password"))?;
    let configuration = data.join("redis.conf");
    process::write_private(&configuration, &configure(&data, port, &password))?;

    let mut command =
        if options.mortal { process::mortal(program, "TERM") } else { std::process::Command::new(program) };
    command.arg(&configuration);
    let log = data.join("log");
    let child = Child::holding(&unused, command, &log)?;
    process::write_private(&pid_file, &child.pid.to_string())?;
    let url = format!("redis://:{password}@127.0.0.1:{port}");
    let client = redis::Client::open(url.as_str())?;
    process::wait_until(&child, &log, STARTUP_TIMEOUT, async || answers(&client).await).await?;
    Ok(Redis { url, pid: child.pid, child: options.mortal.then_some(child), _lock: lock })
}

/// Stops the server that a killed run left behind, and waits until none uses the data. Returns the path of the pid
/// file, and the lock for the next server.
async fn end_leftover(data: &Path) -> anyhow::Result<(PathBuf, File)> {
    let pid_file = data.join("pid");
    if let Ok(pid) = std::fs::read_to_string(&pid_file).unwrap_or_default().trim().parse() {
        process::end_leftover(pid, data, [Signal::TERM, Signal::KILL]).await?;
    }
    Ok((pid_file, process::until_unused(data).await?))
}

/// Deletes the data of a stopped server, but keeps its URL.
pub async fn empty(options: &Options) -> anyhow::Result<()> {
    process::private_directory(&options.data)?;
    let data = options.data.canonicalize()?;
    let _lock = process::lock(&data)?;
    let _unused = end_leftover(&data).await?;
    let log = data.join("appendonlydir");
    if log.exists() {
        std::fs::remove_dir_all(log)?;
    }
    // Before version 7, the append-only log was a single file.
    for file in ["appendonly.aof", "dump.rdb"] {
        let file = data.join(file);
        if file.exists() {
            std::fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// Returns the configuration. Due to `appendfsync always`, an acknowledged logout survives any crash.
fn configure(data: &Path, port: u16, password: &str) -> String {
    format!(
        "bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir \"{}\"\nappendonly yes\nappendfsync always\nsave \"\"\ndaemonize no\n",
        data.display(),
    )
}

async fn answers(client: &redis::Client) -> bool {
    let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return false };
    redis::cmd("PING").exec_async(&mut connection).await.is_ok()
}

impl Redis {
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Kills the server, like a crash. Returns when it has exited.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        let child = self.child.take();
        crash(self.pid, child.as_ref()).await.context("killing Redis")
    }

    pub async fn stop(mut self) {
        if let Some(child) = self.child.take() {
            child.stop(Signal::TERM, STOP_TIMEOUT).await;
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            child.signal(Signal::TERM);
        }
    }
}
