//! The directory with the authority's files and one directory per subject.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    str::FromStr,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;

use crate::{Authority, Pair, Subject};

/// The file with the authority's certificate, also in each subject's directory.
pub const CA: &str = "ca.crt";
const CA_KEY: &str = "ca.key";
/// The file with a subject's certificate.
pub const CERTIFICATE: &str = "tls.crt";
/// The file with a subject's secret key.
pub const KEY: &str = "tls.key";
/// A file that only its owner may read.
const SECRET: u32 = 0o600;
/// A file that everyone may read.
const PUBLIC: u32 = 0o644;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub user: u32,
    pub group: u32,
}

/// The lifetimes of certificates. A certificate is renewed when a third of its lifetime is left.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub now: SystemTime,
    /// The lifetime of a new authority.
    pub ca_lifetime: Duration,
    /// The lifetime of a certificate that identifies a caller.
    pub lifetime: Duration,
    /// The lifetime of a store's certificate.
    pub store_lifetime: Duration,
    /// True to renew all certificates.
    pub renew: bool,
}

/// The change to the files of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Kept,
    /// The subject had no certificate; one was issued.
    Made,
    /// The certificate was renewed, for this reason.
    Renewed(String),
}

/// The directory. Its authority's key signs certificates, and is needed for nothing else.
pub struct Directory {
    path: PathBuf,
    authority: Authority,
    plan: Plan,
    /// True if the authority was just created.
    pub is_new: bool,
}

impl Directory {
    /// Opens the directory and loads its authority. Creates an authority if there is none.
    pub fn open(path: &Path, plan: Plan) -> anyhow::Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("making the directory {}", path.display()))?;
        let (certificate, key) = (path.join(CA), path.join(CA_KEY));
        let found = (read(&certificate)?, read(&key)?);
        let is_new = found == (None, None);
        let authority = match found {
            (Some(certificate), Some(key)) => Authority::load(Pair { certificate, key })?,
            (None, None) => {
                let authority = Authority::create(plan.now, plan.ca_lifetime)?;
                // The key is written first, since an authority with only a certificate could not sign.
                write(&key, &authority.pair().key, SECRET, None)?;
                write(&certificate, authority.certificate(), PUBLIC, None)?;
                authority
            }
            // The process crashed between writing the key and the certificate, before it signed anything.
            (None, Some(_)) => {
                fs::remove_file(&key).with_context(|| format!("removing {}", key.display()))?;
                return Self::open(path, plan);
            }
            (Some(_), None) => anyhow::bail!(
                "{} is there without {CA_KEY}, which signs; bring that back, or remove the first for a new authority",
                certificate.display()
            ),
        };
        Ok(Self { path: path.to_owned(), authority, plan, is_new })
    }

    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Issues or renews the subject's certificate if the plan requires it.
    pub fn ensure(&self, subject: &Subject, owner: Option<Owner>) -> anyhow::Result<Change> {
        let path = self.path.join(&subject.name);
        fs::create_dir_all(&path).with_context(|| format!("making the directory {}", path.display()))?;
        if read(&path.join(CA))?.as_deref() != Some(self.authority.certificate()) {
            write(&path.join(CA), self.authority.certificate(), PUBLIC, owner)?;
        }
        let change = match (read(&path.join(CERTIFICATE))?, read(&path.join(KEY))?) {
            (Some(certificate), Some(key)) => self.renewal(&Pair { certificate, key }, subject),
            _ => Change::Made,
        };
        if change != Change::Kept {
            let lifetime = self.lifetime(subject);
            let pair = self.authority.issue(subject, self.plan.now, lifetime)?;
            // A reader that sees one old and one new file waits for the other.
            write(&path.join(KEY), &pair.key, SECRET, owner)?;
            write(&path.join(CERTIFICATE), &pair.certificate, PUBLIC, owner)?;
        }
        Ok(change)
    }

    fn renewal(&self, pair: &Pair, subject: &Subject) -> Change {
        if self.plan.renew {
            return Change::Renewed("asked for".to_owned());
        }
        match self.authority.check(pair, subject, self.plan.now + self.lifetime(subject) / 3) {
            Ok(()) => Change::Kept,
            Err(reason) => Change::Renewed(format!("{reason:#}")),
        }
    }

    fn lifetime(&self, subject: &Subject) -> Duration {
        if subject.uri.is_some() { self.plan.lifetime } else { self.plan.store_lifetime }
    }
}

impl FromStr for Owner {
    type Err = anyhow::Error;

    /// Reads `USER:GROUP`, both numbers.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (user, group) = text.split_once(':').with_context(|| format!("{text} is not USER:GROUP"))?;
        let number = |id: &str| id.parse().with_context(|| format!("{id} is not the number of a user or group"));
        Ok(Self { user: number(user)?, group: number(group)? })
    }
}

/// Reads the file's text; `None` if there is no such file.
fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Replaces the file atomically: a reader sees the old or the new text.
fn write(path: &Path, text: &str, mode: u32, owner: Option<Owner>) -> anyhow::Result<()> {
    let draft = path.with_extension("new");
    let write = || {
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().create_new(true).write(true).mode(SECRET).open(&draft)?;
        file.write_all(text.as_bytes())?;
        if let Some(Owner { user, group }) = owner {
            chown(&draft, Some(user), Some(group))?;
        }
        // Set the mode explicitly, since the umask limits the mode given at creation.
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}
