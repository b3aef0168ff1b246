//! The record of the authority's unexpired certificates, and which of them are revoked.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use rcgen::{CertificateParams, KeyPair, SerialNumber};

use crate::file::{SECRET, read, write};

/// The record's file, beside the authority's key. Each line is `NAME SERIAL EXPIRES REVOKED`, the times in seconds
/// since 1970; `-` means not revoked.
const FILE: &str = "issued";

/// The serial number of a certificate: the first 16 bytes of the digest of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serial(u128);

impl Serial {
    /// Returns the serial number of the certificate with this key.
    pub fn of(key: &KeyPair) -> Self {
        let digest = CertificateParams::default().key_identifier(key);
        Self(digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }

    /// Returns the serial number of the certificate with this key in PEM.
    pub fn of_pem(key: &str) -> anyhow::Result<Self> {
        Ok(Self::of(&KeyPair::from_pem(key).context("the key is not one in PEM")?))
    }
}

impl From<Serial> for SerialNumber {
    fn from(serial: Serial) -> Self {
        Self::from_slice(&serial.0.to_be_bytes())
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

struct Entry {
    name: String,
    serial: Serial,
    expires: u64,
    revoked: Option<u64>,
}

/// The record. Entries of expired certificates are dropped, which bounds it.
pub struct Issued {
    path: PathBuf,
    entries: Vec<Entry>,
    now: u64,
}

impl Issued {
    pub fn load(directory: &Path, now: SystemTime) -> anyhow::Result<Self> {
        let (path, now) = (directory.join(FILE), seconds(now));
        let text = read(&path)?.unwrap_or_default();
        let entries =
            text.lines().map(|line| Entry::parse(line).with_context(|| format!("{}: {line}", path.display())));
        let mut entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
        entries.retain(|entry| entry.expires > now);
        Ok(Self { path, entries, now })
    }

    /// Records a certificate before it is used, so that it can be revoked.
    pub fn add(&mut self, name: &str, serial: Serial, lifetime: Duration) -> anyhow::Result<()> {
        let entry = Entry { name: name.to_owned(), serial, expires: self.now + lifetime.as_secs(), revoked: None };
        self.entries.push(entry);
        self.save()
    }

    /// Revokes all certificates of this name except the current one. Returns their number.
    pub fn revoke(&mut self, name: &str, current: &Serial) -> anyhow::Result<usize> {
        let is_old = |entry: &&mut Entry| entry.name == name && entry.serial != *current && entry.revoked.is_none();
        let number = self.entries.iter_mut().filter(is_old).map(|entry| entry.revoked = Some(self.now)).count();
        self.save()?;
        Ok(number)
    }

    /// Returns the revoked certificates, with the times of their revocation.
    pub fn revoked(&self) -> Vec<(Serial, SystemTime)> {
        let time = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        self.entries.iter().filter_map(|entry| Some((entry.serial, time(entry.revoked?)))).collect()
    }

    fn save(&self) -> anyhow::Result<()> {
        let text: String = self.entries.iter().map(Entry::line).collect();
        write(&self.path, &text, SECRET, None)
    }
}

impl Entry {
    fn parse(line: &str) -> anyhow::Result<Self> {
        let parts: Vec<_> = line.split(' ').collect();
        let [name, serial, expires, revoked] = parts[..] else { anyhow::bail!("is not NAME SERIAL EXPIRES REVOKED") };
        let serial = u128::from_str_radix(serial, 16).context("the serial number is not hexadecimal")?;
        let revoked = if revoked == "-" { None } else { Some(revoked.parse()?) };
        Ok(Self { name: name.to_owned(), serial: Serial(serial), expires: expires.parse()?, revoked })
    }

    fn line(&self) -> String {
        let Self { name, serial, expires, revoked } = self;
        let revoked = revoked.map_or_else(|| "-".to_owned(), |at| at.to_string());
        format!("{name} {serial} {expires} {revoked}\n")
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
