//! PostgreSQL as a child process with its own data directory.

mod account;
mod binaries;
mod elsewhere;
mod role;
mod server;

use std::path::PathBuf;

use account::Account;
use anyhow::Context as _;
pub use binaries::{Binaries, MIN_VERSION};
pub use role::{ensure_auditor, ensure_role};
pub use server::Postgres;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::small_disk::SmallDisk;

pub struct Options {
    /// The data directory, which the first start creates. It is a symbolic link if root starts the server in a
    /// directory that other users may not enter.
    pub data: PathBuf,
    /// If true, the server ends with this process. Otherwise it keeps running; its pid is the first line of
    /// `data/postmaster.pid`.
    pub mortal: bool,
    /// Settings that extend the defaults, such as `("fsync", "off")`, or override them, such as `("max_connections",
    /// "500")`.
    pub settings: Vec<(&'static str, &'static str)>,
}

impl Options {
    /// Returns the options of a durable server that ends with this process.
    pub fn new(data: PathBuf) -> Self {
        Self { data, mortal: true, settings: Vec::new() }
    }
}

/// Starts a server with the installed programs, or else with downloaded ones.
pub async fn start(options: &Options) -> anyhow::Result<Postgres> {
    let binaries = Binaries::find_or_download(options).await?;
    Postgres::start(options, &binaries).await
}

/// Puts the server's data on a disk of this size, before the first start. The disk exists until the returned value is
/// dropped, so that a killed server finds its data again. Requires root on Linux. An empty server needs 128 MB.
pub fn small_home(options: &Options, bytes: u64) -> anyhow::Result<SmallDisk> {
    let account = Account::choose()?;
    let home = account.home(&options.data).context("making a place for PostgreSQL's data")?;
    let disk = SmallDisk::mount(&home, bytes)?;
    account.own(&home)?;
    Ok(disk)
}

/// Creates the database `name` if necessary. Returns its URL. `url` is another database's on the same server.
pub async fn ensure_database(url: &str, name: &str) -> anyhow::Result<String> {
    let mut options: PgConnectOptions = url.parse()?;
    if matches!(options.get_ssl_mode(), PgSslMode::Prefer) {
        options = options.ssl_mode(PgSslMode::Disable);
    }
    let mut connection = PgConnection::connect_with(&options).await?;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
    if !exists {
        let quoted = name.replace('"', "\"\"");
        let made = sqlx::query(AssertSqlSafe(format!(r#"create database "{quoted}""#))).execute(&mut connection).await;
        if let Err(error) = made
            && !exists_already(&error)
        {
            return Err(error.into());
        }
    }
    connection.close().await?;
    Ok(options.database(name).to_url_lossy().to_string())
}

/// Returns true if another process created the database meanwhile.
fn exists_already(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("42P04" | "23505"))
}
