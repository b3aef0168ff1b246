//! One `cargo test` run: its owner, the directory that its test binaries share, and the cleanup afterwards.

use std::{
    fs::{DirBuilder, File},
    io::Write as _,
    os::unix::{fs::DirBuilderExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::Context as _;

/// The watchdog script. It waits until the owner exits, ends the run's containers and child processes, and removes its
/// directory.
const WATCHDOG: &str = include_str!("watchdog.sh");

/// The run of this process.
pub struct Run {
    /// The owner of the run: `<host>-<pid>-<start>` of its process.
    pub id: String,
    /// The directory shared by the run's test binaries.
    pub directory: PathBuf,
}

impl Run {
    pub fn current() -> &'static Self {
        static CURRENT: OnceLock<Run> = OnceLock::new();
        CURRENT.get_or_init(|| Self::start_or_join().expect("the run's directory can be made beside the test binary"))
    }

    fn start_or_join() -> anyhow::Result<Self> {
        let owner = owner();
        let base = base()?;
        let id = format!("{owner}-{}", start_time(owner).unwrap_or_default());
        let directory = base.join(&id);
        DirBuilder::new().recursive(true).mode(0o700).create(&base)?;
        match DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => {
                for entry in std::fs::read_dir(&base)?.flatten() {
                    if !is_alive(&entry.file_name().to_string_lossy()) || entry.path() == directory {
                        watch(&entry.path())?;
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| directory.display().to_string()),
        }
        Ok(Self { id: format!("{}-{id}", host()), directory })
    }

    /// Returns the result of `make`, which only the run's first caller for `name` executes.
    pub fn once(&self, name: &str, make: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<String> {
        let lock = File::create(self.directory.join(format!("{name}.lock")))?;
        lock.lock()?;
        let path = self.directory.join(name);
        if let Ok(content) = std::fs::read_to_string(&path) {
            return Ok(content);
        }
        let content = make()?;
        std::fs::write(&path, &content)?;
        Ok(content)
    }
}

/// Writes to the terminal, bypassing the capture of test output.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "testkit: {text}");
}

/// Returns true while the run's owner `<pid>-<start>` is alive.
pub fn is_alive(id: &str) -> bool {
    let Some((pid, start)) = id.split_once('-') else { return false };
    pid.parse().is_ok_and(|pid| start_time(pid).unwrap_or_default() == start)
}

/// Returns this host's name, reduced to characters allowed in names.
pub fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    if name.is_empty() { "host".to_owned() } else { name.to_lowercase() }
}

/// Returns this process as `<pid>-<start>`.
pub fn this_process() -> String {
    let pid = std::process::id();
    format!("{pid}-{}", start_time(pid).unwrap_or_default())
}

/// Returns the base directory of runs. It is beside the test binaries, so every checkout and user has its own.
fn base() -> anyhow::Result<PathBuf> {
    let executable = std::env::current_exe()?;
    let profile = executable.parent().and_then(Path::parent).context("the test binary has no directory")?;
    Ok(profile.join("testkit"))
}

fn watch(directory: &Path) -> anyhow::Result<()> {
    Command::new("sh")
        .args(["-c", WATCHDOG, "testkit-watchdog"])
        .arg(directory)
        .arg(host())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        // In its own process group, the watchdog survives a Ctrl-C that ends the run.
        .process_group(0)
        .spawn()
        .context("starting sh")?;
    Ok(())
}

/// Returns the cargo or nextest process that started this test binary, or else this process.
fn owner() -> u32 {
    let this = std::process::id();
    std::iter::successors(parent(this), |pid| parent(*pid))
        .take_while(|pid| *pid > 1)
        .find(|pid| name(*pid).is_some_and(|name| name.starts_with("cargo")))
        .unwrap_or(this)
}

/// Returns the fields of `/proc/<pid>/stat` after the name.
fn stat(pid: u32) -> Option<String> {
    Some(std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?.rsplit_once(") ")?.1.to_owned())
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.split(' ').nth(1)?.parse().ok()
}

fn start_time(pid: u32) -> Option<String> {
    stat(pid)?.split(' ').nth(19).map(str::to_owned)
}

fn name(pid: u32) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()
}

/// The kinds of servers that tests need.
#[derive(Clone, Copy, Debug)]
pub enum Server {
    Postgres,
    Redis,
    /// A Redis whose memory a test may limit, since only such tests use it.
    SmallRedis,
    Kafka,
}

impl Server {
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::SmallRedis => "small-redis",
            Self::Kafka => "kafka",
        }
    }

    /// Returns the variable with the address of an existing server.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "TEST_DATABASE_URL",
            Self::Redis => "TEST_REDIS_URL",
            Self::SmallRedis => "TEST_SMALL_REDIS_URL",
            Self::Kafka => "TEST_KAFKA_BROKERS",
        }
    }
}
