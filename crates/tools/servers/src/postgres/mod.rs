//! PostgreSQL as a child process, with its data in a directory of ours.

mod account;
mod binaries;
mod elsewhere;
mod server;

use std::path::PathBuf;

use account::Account;
use anyhow::Context as _;
pub use binaries::{Binaries, OLDEST};
pub use server::Postgres;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::small_disk::SmallDisk;

/// How to run it.
pub struct Options {
    /// Where its data is; made at the first start. A link where root starts it in a directory that other accounts may not enter.
    pub data: PathBuf,
    /// Ends with this process. Otherwise it goes on, and its pid is the first line of `data/postmaster.pid`.
    pub mortal: bool,
    /// Settings beside our own, such as `("fsync", "off")`, and instead of them, such as `("max_connections", "500")`.
    pub settings: Vec<(&'static str, &'static str)>,
}

impl Options {
    /// A durable server that ends with this process.
    pub fn new(data: PathBuf) -> Self {
        Self { data, mortal: true, settings: Vec::new() }
    }
}

/// Starts a server: with the programs on this machine, else (as root on Debian or Ubuntu) with those of the distribution, else with
/// downloaded ones.
pub async fn start(options: &Options) -> anyhow::Result<Postgres> {
    let binaries = Binaries::find_or_install(options).await?;
    Postgres::start(options, &binaries).await
}

/// Puts the server's data on a disk of so many bytes, before its first start. It is there for as long as the answer is, so that a
/// server that was killed finds its data again. Only root on Linux may; 128 MB will do for an empty server.
pub fn small_home(options: &Options, bytes: u64) -> anyhow::Result<SmallDisk> {
    let account = Account::choose()?;
    let home = account.home(&options.data).context("making a place for PostgreSQL's data")?;
    let disk = SmallDisk::mount(&home, bytes)?;
    account.own(&home)?;
    Ok(disk)
}

/// Makes sure that the database `name` is there: its URL. `url` is that of another database of the server.
pub async fn ensure_database(url: &str, name: &str) -> anyhow::Result<String> {
    let options: PgConnectOptions = url.parse()?;
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

/// True when somebody else has made it meanwhile.
fn exists_already(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("42P04" | "23505"))
}
