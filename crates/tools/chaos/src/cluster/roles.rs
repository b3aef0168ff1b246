//! The PostgreSQL role of each service: it owns the service's database, and has no other privileges.

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use platform::service::Service;

/// The password of every role, unless a fault has changed it.
pub const PASSWORD: &str = "chaos";

/// Creates the role of a service, which has the service's name. Returns the URL by which the service reaches its
/// database. `url` is the superuser's URL of that database.
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
