//! The connections of the services, as PostgreSQL lists them.

use operations::registry::with_database;
use sqlx::{Connection as _, PgConnection};

use crate::system::System;

#[tokio::test]
async fn each_service_has_its_own_name_in_postgresql() {
    let system = System::shared().await;

    for service in with_database() {
        let variable = service.variable("DATABASE_URL");
        let (_, url) = system.variables.iter().find(|(name, _)| *name == variable).unwrap();
        let mut connection = PgConnection::connect(url).await.unwrap();
        let names: Vec<String> = sqlx::query_scalar(
            "select distinct application_name from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();

        // Tools of other tests may be connected, too, under their own names.
        assert!(names.contains(&format!("shipyard-{service}")), "{service}: {names:?}");
        assert!(names.iter().all(|name| name.starts_with("shipyard-")), "{service}: {names:?}");
    }
}
