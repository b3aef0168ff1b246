//! The roles that own no database: the service's and the auditor's.

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

/// A service's rights in its database, as in the containers. `:"service"` and `:"owner"` are psql variables.
const RIGHTS: &str = include_str!("../../../../../deploy/postgres/rights");
/// The auditor's rights in a database, as in the containers.
const AUDITOR: &str = include_str!("../../../../../deploy/postgres/auditor");

/// Creates the role `name` if necessary, with the rights of a service in the database `name`: it reads and writes rows,
/// and owns nothing. `url` is a superuser's URL of this database; the superuser becomes the owner. Returns the role's
/// URL.
pub async fn ensure_role(url: &str, name: &str, password: &str) -> anyhow::Result<String> {
    ensure(url, name, password, |role, options| {
        RIGHTS.replace(":\"service\"", role).replace(":\"owner\"", &quoted('"', options.get_username()))
    })
    .await
}

/// Creates the role `name` if necessary, and lets it read all rows of the database at `url`, a superuser's URL. Returns
/// the role's URL of this database.
pub async fn ensure_auditor(url: &str, name: &str, password: &str) -> anyhow::Result<String> {
    ensure(url, name, password, |role, options| {
        let database = quoted('"', options.get_database().unwrap_or_default());
        AUDITOR.replace(":\"service\"", &database).replace(":\"auditor\"", role)
    })
    .await
}

async fn ensure(
    url: &str,
    name: &str,
    password: &str,
    rights: impl FnOnce(&str, &PgConnectOptions) -> String,
) -> anyhow::Result<String> {
    let options: PgConnectOptions = url.parse()?;
    let mut connection = PgConnection::connect_with(&options).await?;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
    let (verb, role) = (if exists { "alter" } else { "create" }, quoted('"', name));
    let login = format!("{verb} role {role} login password {}", quoted('\'', password));
    for statements in [login, rights(&role, &options)] {
        let outcome = sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await;
        outcome.with_context(|| format!("making the role {name}"))?;
    }
    connection.close().await?;
    Ok(options.username(name).password(password).to_url_lossy().to_string())
}

fn quoted(quote: char, text: &str) -> String {
    format!("{quote}{}{quote}", text.replace(quote, &format!("{quote}{quote}")))
}
