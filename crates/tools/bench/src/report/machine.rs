//! The machine of a run.

use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub cpu: String,
    /// The cores that this process may use. Services, servers and benchmark share them.
    pub cores: usize,
    pub memory_mib: u64,
    pub system: String,
}

impl Machine {
    /// Describes this machine. An unreported text is `unknown`, an unreported number 0.
    pub fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let uname = rustix::system::uname();
        let (name, release) = (uname.sysname().to_string_lossy(), uname.release().to_string_lossy());
        Self {
            cpu: value(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            memory_mib: kibibytes(&read("/proc/meminfo"), "MemTotal").unwrap_or_default() / 1024,
            system: format!("{name} {release}"),
        }
    }
}

/// Returns the value of the first line `key : value` with this key.
pub fn value(text: &str, key: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
}

/// Returns the number of the first line `key: number kB` with this key.
pub fn kibibytes(text: &str, key: &str) -> Option<u64> {
    value(text, key)?.strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_proc_are_read_by_key() {
        let text =
            "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\nmodel name\t: Other\nMemTotal:       24576000 kB\n";

        assert_eq!(value(text, "model name").as_deref(), Some("Some CPU @ 2.00GHz"));
        assert_eq!(kibibytes(text, "MemTotal"), Some(24_576_000));
        assert_eq!(kibibytes(text, "MemFree"), None);
        assert_eq!(kibibytes(text, "model name"), None);
    }
}
