//! The PostgreSQL role of each service. It may only read and write rows, as in the containers.

use anyhow::Context as _;
use sqlx::{Connection as _, PgConnection};

use platform::{postgres::migrations, server::service::Service};
use servers::postgres;

/// The password of every role, unless a fault has changed it.
pub const PASSWORD: &str = "chaos";

/// Applies a service's migrations, and creates its role, which has the service's name and may not apply migrations.
/// `url` is the superuser's URL of the database; returns the URL with the service's role.
pub async fn ensure_role(url: &str, service: &'static Service) -> anyhow::Result<String> {
    let mut owner = PgConnection::connect(url).await.with_context(|| format!("migrating {service}"))?;
    if let Some(own) = service.migrations() {
        migrations::apply(own, &mut owner).await.with_context(|| format!("migrating {service}"))?;
    }
    owner.close().await?;
    postgres::ensure_role(url, service.name, PASSWORD).await
}
