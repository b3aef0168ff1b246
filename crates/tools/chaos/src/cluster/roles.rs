//! The PostgreSQL role of each service, with the rights that it has in the containers: it reads and writes rows.

use anyhow::Context as _;
use sqlx::{Connection as _, PgConnection};

use platform::server::service::Service;
use servers::postgres;

/// The password of every role, unless a fault has changed it.
pub const PASSWORD: &str = "chaos";

/// Applies the migrations of a service, and creates its role, which has the service's name and may not apply them. Returns the
/// URL by which the service reaches its database. `url` is the superuser's URL of that database.
pub async fn ensure_role(url: &str, service: &'static Service) -> anyhow::Result<String> {
    let mut owner = PgConnection::connect(url).await.with_context(|| format!("migrating {service}"))?;
    if let Some(migrations) = service.migrations() {
        migrations.run(&mut owner).await.with_context(|| format!("migrating {service}"))?;
    }
    owner.close().await?;
    postgres::ensure_role(url, service.name, PASSWORD).await
}
