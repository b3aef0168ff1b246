//! The role of each service in PostgreSQL: it owns its database, and has no right beyond that.

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use platform::service::Service;

/// What every role logs in with, unless a fault has changed it.
pub const PASSWORD: &str = "chaos";

/// Makes the role of a service, which has the service's name, and answers the URL by which it reaches its database. `url` is the
/// superuser's, of that database.
pub async fn ensure_role(url: &str, service: &'static Service) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(url).await.with_context(|| format!("making the role of {service}"))?;
    let name = service.name;
    let statements = [
        format!(r#"create role "{name}" login password '{PASSWORD}'"#),
        format!(r#"alter database "{name}" owner to "{name}""#),
    ];
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    connection.close().await?;
    let mut own = reqwest::Url::parse(url).context("reading a database's URL")?;
    let set = own.set_username(name).and_then(|()| own.set_password(Some(PASSWORD)));
    set.ok().with_context(|| format!("the URL of {service} has no place for a role"))?;
    Ok(own.to_string())
}
