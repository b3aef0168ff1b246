//! Tables that several services have are the same in each of their databases.

use std::collections::{BTreeMap, BTreeSet};

use operations::registry::with_database;
use platform::postgres::Database;

const SHARED: [&str; 3] = ["inbox", "leases", "outbox"];

#[tokio::test]
async fn shared_tables_are_alike_in_every_database() {
    let mut shapes: BTreeMap<&str, Vec<(&str, BTreeSet<String>)>> = BTreeMap::new();
    for service in with_database() {
        let migrations = service.migrations().expect("it has a database");
        let declared: Vec<&str> = migrations.shared.iter().map(|table| table.name).collect();
        let pool = testkit::database(migrations).await.pool;
        for table in SHARED {
            let shape = shape(&pool, table).await;
            assert_eq!(
                declared.contains(&table),
                !shape.is_empty(),
                "{service}: its MIGRATIONS name the shared tables that it has"
            );
            if !shape.is_empty() {
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
                "{table} of {service} and of {model} differ; mend it in migrations/platform/{table}: {differences:#?}"
            );
        }
        assert!(shapes.len() > 1, "{table} is not shared");
    }
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
