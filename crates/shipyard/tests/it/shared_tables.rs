//! A shared table is the same in every database that has it, also after an upgrade from the previous release, which
//! kept a migration history per shared table.

use std::collections::{BTreeMap, BTreeSet};

use operations::registry::with_database;
use platform::{
    postgres::{Database, migrate},
    server::service::Service,
};
use sqlx::{AssertSqlSafe, migrate::Migrator};
use tokio_util::sync::CancellationToken;

const SHARED: [&str; 3] = ["inbox", "leases", "outbox"];
/// The last migration of the outbox in the previous release.
const LAST: i64 = 2;

/// The migrations of these tables in the previous release, and a statement that adds a row.
static RELEASED: [(&str, Migrator, &str); 3] = [
    (
        "inbox",
        sqlx::migrate!("../shared/store/src/postgres/released/inbox"),
        "insert into inbox values ('group', gen_random_uuid(), now())",
    ),
    (
        "leases",
        sqlx::migrate!("../shared/store/src/postgres/released/leases"),
        "insert into leases values ('one', 'me', 7, now())",
    ),
    (
        "outbox",
        sqlx::migrate!("../shared/store/src/postgres/released/outbox"),
        "insert into outbox (event_uuid, event_type, key, payload, trace)
        values (gen_random_uuid(), 'kind', gen_random_uuid(), 'payload', '{}')",
    ),
];

#[tokio::test]
async fn shared_tables_are_alike_in_every_database() {
    let mut shapes: BTreeMap<&str, Vec<(&str, BTreeSet<String>)>> = BTreeMap::new();
    for service in with_database() {
        let pool = testkit::database(service.migrations().expect("it has a database")).await.pool;
        for table in SHARED {
            let shape = shape(&pool, table).await;
            let is_there = !shape.is_empty();
            assert_eq!(service.has_table(table), is_there, "{service}: NNNN_{table}.up.sql creates {table}");
            if is_there {
                shapes.entry(table).or_default().push((service.name, shape));
            }
        }
    }

    for (table, shapes) in shapes {
        let (model, expected) = &shapes[0];
        for (service, shape) in &shapes {
            let differences: Vec<_> = expected.symmetric_difference(shape).collect();
            assert!(
                differences.is_empty(),
                "{table} of {service} and of {model} differ; each service with it needs the same migrations: {differences:#?}"
            );
        }
        assert!(shapes.len() > 1, "{table} is not shared");
    }
}

#[tokio::test]
async fn the_crate_outbox_has_files_that_create_the_same_tables() {
    let (shop, other) = (testkit::database(&order::repository::MIGRATIONS).await, testkit::empty_database().await);
    for file in [
        include_str!("../../../shared/outbox/migrations/inbox.sql"),
        include_str!("../../../shared/outbox/migrations/leases.sql"),
        include_str!("../../../shared/outbox/migrations/outbox.sql"),
    ] {
        sqlx::raw_sql(file).execute(&other.pool).await.unwrap();
    }

    for table in SHARED {
        // The comments name the shop's jobs, and its constraint was added to a table with rows.
        let is_comment = |line: &str| line.is_empty() || line.contains("ows are ");
        let shape = async |pool: &Database| -> BTreeSet<String> {
            let lines = shape(pool, table).await.into_iter().filter(|line| !is_comment(line));
            lines.map(|line| line.replace(" NOT VALID", "")).collect()
        };
        assert_eq!(shape(&other.pool).await, shape(&shop.pool).await, "{table}");
    }
}

#[tokio::test]
async fn a_database_of_the_release_before_keeps_its_rows_and_that_release_still_starts_on_it() {
    // The previous release had no service operations.
    for service in with_database().filter(|service| service.name != "operations") {
        let migrations = service.migrations().expect("it has a database");
        let made = shapes(&testkit::database(migrations).await.pool).await;
        // The first checkout that can be upgraded has no second migration of the outbox.
        for last in [1, LAST] {
            let pool = testkit::empty_database().await.pool;
            start_released(service, &pool, last).await;
            for (_, _, insert) in RELEASED.iter().filter(|(table, ..)| service.has_table(table)) {
                sqlx::query(*insert).execute(&pool).await.unwrap();
            }
            let before = rows(service, &pool).await;

            migrate(&pool, migrations, &CancellationToken::new()).await.unwrap();
            start_released(service, &pool, LAST).await;

            assert_eq!(rows(service, &pool).await, before, "{service}");
            assert_eq!(shapes(&pool).await, made, "{service}");
        }
    }
}

/// Migrates like the previous release: the service's own migrations, without an error for newer ones (decision 61), and
/// then each shared table's, with a history of their own.
async fn start_released(service: &Service, pool: &Database, last_of_outbox: i64) {
    let all = service.migrations().expect("it has a database");
    let shared = all.iter().filter(|migration| SHARED.contains(&&*migration.description));
    let first_shared = shared.map(|migration| migration.version).min().expect("it has leases");
    let own = all.iter().filter(|migration| migration.version < first_shared).cloned().collect();
    let mut own = Migrator::with_migrations(own);
    own.set_ignore_missing(true);
    let mut connection = pool.connect().await.unwrap();
    own.run(&mut connection).await.unwrap();
    for (table, released, _) in RELEASED.iter().filter(|(table, ..)| service.has_table(table)) {
        let released = Migrator {
            migrations: released.migrations.clone(),
            table_name: format!("_sqlx_migrations_{table}").into(),
            ..Migrator::DEFAULT
        };
        released.run_to(if *table == "outbox" { last_of_outbox } else { 1 }, &mut connection).await.unwrap();
    }
}

/// Returns the rows of the shared tables, as text.
async fn rows(service: &Service, pool: &Database) -> Vec<Option<String>> {
    let mut all = Vec::new();
    for table in SHARED.into_iter().filter(|table| service.has_table(table)) {
        let rows = AssertSqlSafe(format!("select jsonb_agg(to_jsonb(rows))::text from {table} as rows"));
        all.push(sqlx::query_scalar(rows).fetch_one(pool).await.unwrap());
    }
    all
}

async fn shapes(pool: &Database) -> Vec<BTreeSet<String>> {
    let mut all = Vec::new();
    for table in SHARED {
        all.push(shape(pool, table).await);
    }
    all
}

/// The table's columns in order, its constraints and indexes; empty if there is no such table.
async fn shape(pool: &Database, table: &str) -> BTreeSet<String> {
    let question = "with wanted as (select to_regclass($1)::oid as oid)
        select concat_ws(' ', attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
            (select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum))
        from pg_attribute, wanted where attrelid = wanted.oid and attnum > 0 and not attisdropped
        union all
        select concat_ws(' ', conname, pg_get_constraintdef(pg_constraint.oid)) from pg_constraint, wanted where conrelid = wanted.oid
        union all
        select pg_get_indexdef(indexrelid) from pg_index, wanted where indrelid = wanted.oid
        union all
        select coalesce(obj_description(wanted.oid, 'pg_class'), '') from wanted where wanted.oid is not null";
    let lines: Vec<String> = sqlx::query_scalar(question).bind(table).fetch_all(pool).await.unwrap();
    lines.into_iter().collect()
}
