//! Child processes: finds a program, starts it detached from the terminal, and stops it with this process.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::Write as _,
    net::TcpListener,
    os::unix::{
        fs::{DirBuilderExt as _, OpenOptionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process, test_kill_process};
use tokio::sync::watch;

const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The time limit for a lock whose holder may be exiting after a kill, or may be a child that shares the open file
/// until it runs its program.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// The processes of an earlier run may still use a directory for this long, such as for PostgreSQL's last checkpoint.
const LEFTOVER_TIMEOUT: Duration = Duration::from_mins(2);
/// A larger log of a server is deleted.
const MAX_LOG_BYTES: u64 = 10 << 20;

/// Returns the program `name` in PATH or in the directories for system programs.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/bin", "/usr/sbin", "/sbin", "/bin"].map(PathBuf::from));
    places.map(|place| place.join(name)).find(|program| program.is_file())
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns a command for `program`, which gets `signal` when this process dies, where the system supports it.
pub fn mortal(program: &Path, signal: &str) -> Command {
    let Some(setpriv) = find("setpriv") else { return Command::new(program) };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", signal, "--"]).args(unless_orphaned()).arg(program);
    command
}

/// Returns the beginning of a command whose program runs only if this process is still its parent. A process that died
/// before `setpriv` asked for the signal would never send it. The program also has its standard input as descriptor 3,
/// which its children inherit even if they read a pipe.
pub fn unless_orphaned() -> [String; 4] {
    ["sh", "-c", r#"[ "$PPID" = "$0" ] && exec "$@" 3<&0"#, &std::process::id().to_string()].map(str::to_owned)
}

pub struct Child {
    pub pid: i32,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Child {
    /// Starts `command` with its output in `log`, in its own process group, so that a Ctrl-C at the terminal does not
    /// reach it.
    pub fn spawn(command: Command, log: &Path) -> anyhow::Result<Self> {
        Self::with_input(command, log, Stdio::null())
    }

    /// Starts `command` like [`spawn`](Self::spawn). The child and its own children hold the lock of [`until_unused`].
    pub fn holding(lock: &File, command: Command, log: &Path) -> anyhow::Result<Self> {
        Self::with_input(command, log, lock.try_clone()?.into())
    }

    fn with_input(mut command: Command, log: &Path, input: Stdio) -> anyhow::Result<Self> {
        if std::fs::metadata(log).is_ok_and(|log| log.len() > MAX_LOG_BYTES) {
            std::fs::remove_file(log)?;
        }
        let output = OpenOptions::new().create(true).append(true).mode(0o600).open(log)?;
        command.stdin(input).stdout(output.try_clone()?).stderr(output).process_group(0);
        let (started, starting) = std::sync::mpsc::channel();
        let (end, ended) = watch::channel(None);
        // This thread lives as long as the child: the system ties the parent death signal to the spawning thread.
        std::thread::Builder::new().name("child".to_owned()).spawn(move || {
            let child = command.spawn();
            // Closes our copy of the child's input.
            drop(command);
            let _ = started.send(child.as_ref().map(std::process::Child::id).map_err(ToString::to_string));
            if let Ok(mut child) = child {
                end.send_replace(child.wait().ok());
            }
        })?;
        let pid = starting.recv()?.map_err(anyhow::Error::msg)?;
        Ok(Self { pid: i32::try_from(pid)?, ended })
    }

    /// Returns the exit status once the child has exited.
    pub fn ended(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    pub fn signal(&self, signal: Signal) {
        if self.ended().is_none() {
            let _ = kill(self.pid, signal);
        }
    }

    /// Sends `signal`, and kills the process if it is still running after `time_limit`.
    pub async fn stop(&self, signal: Signal, time_limit: Duration) {
        self.signal(signal);
        let mut ended = self.ended.clone();
        if tokio::time::timeout(time_limit, ended.wait_for(Option::is_some)).await.is_err() {
            self.signal(Signal::KILL);
            let _ = ended.wait_for(Option::is_some).await;
        }
    }
}

/// Waits until the child exits; never returns without a child.
pub async fn ended(child: Option<&Child>) {
    match child {
        Some(child) => {
            let _ = child.ended.clone().wait_for(Option::is_some).await;
        }
        None => std::future::pending().await,
    }
}

pub fn kill(pid: i32, signal: Signal) -> anyhow::Result<()> {
    let pid = Pid::from_raw(pid).context("not a process id")?;
    kill_process(pid, signal).context("sending a signal")
}

pub fn is_alive(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Returns true if the process works in `directory` or was started for it. This distinguishes a leftover server from a
/// reused pid.
pub fn works_in(pid: i32, directory: &Path) -> bool {
    let Ok(directory) = directory.canonicalize() else { return false };
    // The link of another user's process is not readable, in a container not even for root.
    if std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == directory) {
        return true;
    }
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).or_else(|_| {
        Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output().map(|output| output.stdout)
    });
    command.is_ok_and(|command| String::from_utf8_lossy(&command).contains(&*directory.to_string_lossy()))
}

/// Stops the server that an earlier run left behind in `directory`.
pub async fn end_leftover(pid: i32, directory: &Path, signals: [Signal; 2]) -> anyhow::Result<()> {
    for signal in signals {
        if !is_alive(pid) || !works_in(pid, directory) {
            return Ok(());
        }
        kill(pid, signal)?;
        let gone = async {
            while is_alive(pid) && works_in(pid, directory) {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(20), gone).await.is_ok() {
            return Ok(());
        }
    }
    anyhow::bail!("process {pid} in {} does not end; end it by hand", directory.display())
}

/// Polls `ready` until it succeeds. If the child exits first, fails with the log's last line.
pub async fn wait_until(
    child: &Child,
    log: &Path,
    time_limit: Duration,
    ready: impl AsyncFn() -> bool,
) -> anyhow::Result<()> {
    let wait = async {
        while !ready().await {
            if child.ended().is_some() {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                anyhow::bail!("it ended: {}", said.trim_end().lines().next_back().unwrap_or("without a word"));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    };
    let outcome = tokio::time::timeout(time_limit, wait).await;
    outcome.unwrap_or_else(|_| Err(anyhow::anyhow!("it does not answer; see {}", log.display())))
}

/// Returns the port stored in `file`, or another one if it is in use.
pub fn free_port(file: &Path) -> anyhow::Result<u16> {
    let remembered = std::fs::read_to_string(file).ok().and_then(|port| port.trim().parse::<u16>().ok());
    let free = |port| Ok::<_, std::io::Error>(TcpListener::bind(("127.0.0.1", port))?.local_addr()?.port());
    let port = remembered.and_then(|port| free(port).ok()).map_or_else(|| free(0), Ok)?;
    write_private(file, &port.to_string())?;
    Ok(port)
}

/// Returns the secret stored in `file`, generated on first use.
pub fn secret(file: &Path) -> anyhow::Result<String> {
    if let Ok(secret) = std::fs::read_to_string(file)
        && !secret.trim().is_empty()
    {
        return Ok(secret.trim().to_owned());
    }
    let secret = platform::ids::random().simple().to_string();
    write_private(file, &secret)?;
    Ok(secret)
}

/// Writes a file that only its owner can read.
pub fn write_private(path: &Path, content: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| path.display().to_string())?;
    file.write_all(content.as_bytes())?;
    Ok(())
}

/// Creates a directory that only its owner can enter.
pub fn private_directory(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| path.display().to_string())
}

/// Locks the directory until this process ends.
pub fn lock(directory: &Path) -> anyhow::Result<File> {
    let file = File::create(directory.join("lock"))?;
    anyhow::ensure!(try_lock(&file), "{} is in use by another running program; stop that first", directory.display());
    Ok(file)
}

/// Locks the file. Returns false if another process keeps it locked.
pub fn try_lock(file: &File) -> bool {
    let give_up = Instant::now() + LOCK_TIMEOUT;
    while file.try_lock().is_err() {
        if Instant::now() >= give_up {
            return false;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    true
}

/// Waits until no process of an earlier run uses the directory. Returns a locked file: each process that inherits it as
/// its standard input keeps the lock until it exits. So no pid is needed to find a child of a program that was killed.
pub async fn until_unused(directory: &Path) -> anyhow::Result<File> {
    let path = directory.join("used");
    let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&path);
    let file = file.with_context(|| path.display().to_string())?;
    if file.try_lock().is_ok() {
        return Ok(file);
    }
    tracing::info!("waiting for processes of an earlier run that still use {}", directory.display());
    let free = async {
        while file.try_lock().is_err() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let free = tokio::time::timeout(LEFTOVER_TIMEOUT, free).await;
    free.ok()
        .with_context(|| format!("processes of an earlier run still use {}; end them by hand", directory.display()))?;
    Ok(file)
}

/// Returns the command that installs `package` on this machine.
pub fn advice(package: &str) -> String {
    let managers = [
        ("apt-get", "sudo apt-get install -y"),
        ("dnf", "sudo dnf install -y"),
        ("pacman", "sudo pacman -S --noconfirm"),
        ("apk", "sudo apk add"),
        ("brew", "brew install"),
    ];
    let found = managers.iter().find(|(manager, _)| find(manager).is_some());
    // Only these packages' names depend on the distribution.
    let name = match (package, found) {
        ("postgresql", Some((manager, _))) if *manager == "dnf" => "postgresql-server",
        ("redis-server", Some((manager, _))) if *manager != "apt-get" => "redis",
        _ => package,
    };
    found.map_or_else(|| format!("install {name}"), |(_, command)| format!("{command} {name}"))
}
