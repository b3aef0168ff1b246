//! The data directory of the one-process shop: a lock, the service key, and the variables that commands in other
//! terminals need.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use platform::{clock, config::Settings, random};

const LOCK: &str = "lock";
const KEY: &str = "service-key";
const RUNNING: &str = "running";
/// How far the clock may go back between two starts: more than clock synchronisation corrects at once.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// The data directory, `.shipyard` by default.
#[derive(Clone, Debug)]
pub struct Data {
    path: PathBuf,
}

/// Held by the process that runs the shop; released when it exits.
pub struct Lock {
    _file: File,
}

impl Data {
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the directory and takes its lock. If another process keeps it, the error names that process.
    pub fn lock(&self) -> anyhow::Result<Lock> {
        let shown = self.path.display();
        // Other users may traverse the directory: if this process runs as root, the database's files belong to another
        // user.
        DirBuilder::new().recursive(true).mode(0o755).create(&self.path).with_context(|| {
            format!("cannot make the directory {shown}; run in a writable directory, or name another with --data")
        })?;
        let path = self.path.join(LOCK);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot write {}; name another directory with --data", path.display()))?;
        if !servers::process::try_lock(&file) {
            let holder = read(&mut file);
            anyhow::bail!(
                "the shop already runs from {shown} as process {holder}; stop that first (kill {holder}), or name another directory with --data and other ports"
            );
        }
        check_clock(&file, &path)?;
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()))?;
        Ok(Lock { _file: file })
    }

    /// The process that holds the lock.
    pub fn holder(&self) -> Option<String> {
        let mut file = File::open(self.path.join(LOCK)).ok()?;
        file.try_lock_shared().is_err().then(|| read(&mut file))
    }

    /// Stores the variables that commands in other terminals need, for [`running`](Self::running).
    pub fn publish(&self, variables: &[(String, String)]) -> anyhow::Result<()> {
        let lines: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        self.keep(RUNNING, &lines.concat())
    }

    /// Completes `settings` by the variables that the running shop has stored. Explicit settings take precedence. If
    /// they name another broker, ignores the stored `KAFKA_` variables, which describe the shop's own broker.
    pub fn running(&self, settings: Settings) -> Settings {
        let told =
            self.holder().and_then(|_| std::fs::read_to_string(self.path.join(RUNNING)).ok()).unwrap_or_default();
        let told = told.lines().filter_map(|line| line.split_once('='));
        let told: Vec<_> = told.collect();
        let brokers = settings.get("KAFKA_BROKERS");
        let other = brokers.is_some_and(|brokers| !told.contains(&("KAFKA_BROKERS", brokers)));
        let applies = |name: &str| settings.get(name).is_none() && !(other && name.starts_with("KAFKA_"));
        let unsaid: Vec<_> = told.into_iter().filter(|(name, _)| applies(name)).collect();
        settings.with(unsaid.into_iter().map(|(name, value)| (name, value.to_owned())))
    }

    /// Advice for a user whose running shop [`running`](Self::running) did not find.
    pub fn advice(&self) -> String {
        let shown = self.path.display();
        match self.holder() {
            Some(_) => {
                format!("the shop that runs from {shown} was started with other variables; set the same ones")
            }
            None => format!("no shop runs from {shown}: start one, or set variables that tell where it is"),
        }
    }

    /// `SERVICE_KEY` if it is set, otherwise the stored key.
    pub fn service_key(&self, settings: &Settings) -> Option<String> {
        settings.get("SERVICE_KEY").map(str::to_owned).or_else(|| {
            let key = std::fs::read_to_string(self.path.join(KEY)).ok()?;
            Some(key.trim().to_owned()).filter(|key| !key.is_empty())
        })
    }

    /// The [`service_key`](Self::service_key). Generates and stores one if there is none.
    pub fn ensure_service_key(&self, settings: &Settings) -> anyhow::Result<String> {
        if let Some(key) = self.service_key(settings) {
            return Ok(key);
        }
        let [high, low]: [u128; 2] = random::secret();
        let key = format!("{high:032x}{low:032x}");
        self.keep(KEY, &format!("{key}\n"))?;
        Ok(key)
    }

    /// Writes a file atomically, readable by its owner only.
    fn keep(&self, name: &str, content: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        let draft = path.with_extension("new");
        match std::fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
        .and_then(|()| OpenOptions::new().create_new(true).write(true).mode(0o600).open(&draft))
        .and_then(|mut file| file.write_all(content.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&draft, &path))
        .with_context(|| format!("writing {}", path.display()))
    }
}

/// Fails if the clock is behind the time of the last start, which is the lock file's modification time. Deadlines,
/// leases and sessions written then could lie years in the future.
fn check_clock(lock: &File, path: &Path) -> anyhow::Result<()> {
    let last: DateTime<Utc> = lock.metadata()?.modified()?.into();
    let now = clock::now();
    let format = "%Y-%m-%d %H:%M:%S UTC";
    anyhow::ensure!(
        now + CLOCK_TOLERANCE >= last,
        "the clock of this machine says {}, and the shop was started at {} before; set the clock, or, if it was wrong then, delete {}",
        now.format(format),
        last.format(format),
        path.display()
    );
    Ok(())
}

fn read(file: &mut File) -> String {
    let mut holder = String::new();
    let _ = file.read_to_string(&mut holder);
    holder.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn data() -> (tempfile::TempDir, Data) {
        let directory = tempfile::tempdir().unwrap();
        let data = Data::at(directory.path().join("shop"));
        (directory, data)
    }

    #[test]
    fn a_second_process_is_told_who_runs_the_shop() {
        let (_directory, data) = data();

        let held = data.lock().unwrap();
        let refusal = data.lock().err().unwrap().to_string();
        let holder = data.holder();
        drop(held);

        assert!(refusal.contains(&std::process::id().to_string()), "{refusal}");
        assert_eq!(holder, Some(std::process::id().to_string()));
        assert_eq!(data.holder(), None);
        assert!(data.lock().is_ok(), "a lock that no process holds is no obstacle");
    }

    #[test]
    fn a_clock_that_is_behind_the_last_start_is_told_with_both_times() {
        let (_directory, data) = data();
        drop(data.lock().unwrap());
        let lock = File::options().write(true).open(data.path().join(LOCK)).unwrap();
        let a_day_ahead = std::time::SystemTime::from(clock::now() + TimeDelta::days(1));
        lock.set_modified(a_day_ahead).unwrap();

        let refusal = data.lock().err().unwrap().to_string();

        assert!(refusal.contains("the clock of this machine says"), "{refusal}");
        std::fs::remove_file(data.path().join(LOCK)).unwrap();
        assert!(data.lock().is_ok(), "the remedy that the sentence names");
    }

    #[test]
    fn the_key_is_made_once_and_its_owner_alone_may_read_it() {
        let (_directory, data) = data();
        let _lock = data.lock().unwrap();

        let first = data.ensure_service_key(&Settings::default()).unwrap();
        let second = data.ensure_service_key(&Settings::default()).unwrap();
        let mode = std::fs::metadata(data.path().join(KEY)).unwrap().permissions().mode();

        assert_eq!((first.len(), &first), (64, &second));
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_given_key_wins() {
        let (_directory, data) = data();

        let key = data.service_key(&Settings::from_variables([("SERVICE_KEY", "given".to_owned())]));

        assert_eq!(key.as_deref(), Some("given"));
    }

    #[test]
    fn where_the_servers_are_is_told_while_the_shop_runs() {
        let (_directory, data) = data();
        let held = data.lock().unwrap();
        data.publish(&[("ORDER_LISTEN".to_owned(), "a=b".to_owned()), ("IAM_LISTEN".to_owned(), "c".to_owned())])
            .unwrap();
        let settings = Settings::from_variables([("IAM_LISTEN", "given".to_owned())]);

        let running = data.running(settings.clone());
        drop(held);
        let stopped = data.running(settings);

        assert_eq!((running.get("ORDER_LISTEN"), running.get("IAM_LISTEN")), (Some("a=b"), Some("given")));
        assert_eq!(stopped.get("ORDER_LISTEN"), None);
    }

    #[test]
    fn the_settings_of_the_shops_broker_are_not_told_about_another_one() {
        let (_directory, data) = data();
        let _held = data.lock().unwrap();
        let told = [("KAFKA_BROKERS", "own"), ("KAFKA_CREATE_TOPICS", "false"), ("ORDER_LISTEN", "here")];
        data.publish(&told.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
        let running = |variables: &[(&'static str, &str)]| {
            data.running(Settings::from_variables(variables.iter().map(|(name, value)| (*name, (*value).to_owned()))))
        };

        for own in [running(&[]), running(&[("KAFKA_BROKERS", "own")])] {
            assert_eq!((own.get("KAFKA_BROKERS"), own.get("KAFKA_CREATE_TOPICS")), (Some("own"), Some("false")));
        }
        let other = running(&[("KAFKA_BROKERS", "other")]);
        assert_eq!((other.get("KAFKA_BROKERS"), other.get("KAFKA_CREATE_TOPICS")), (Some("other"), None));
        assert_eq!(other.get("ORDER_LISTEN"), Some("here"));
    }
}
