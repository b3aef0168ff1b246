//! The jobs that remove the rows of each table: each table's comment names its job, and the jobs keep up with new rows.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use operations::registry::with_database;
use order::repository::{IdempotencyKeys as _, PgOrders};
use outbox::{MemoryLease, Tables, inbox};
use platform::jobs::{Done, repeat};
use platform::postgres::Database;
use platform::server::service::Service;
use testkit::eventually;
use tokio_util::sync::CancellationToken;

const KEEP: Duration = Duration::from_hours(24);

/// A table whose rows are removed.
struct Table {
    name: &'static str,
    service: &'static Service,
    /// Inserts `$1` rows that are `$2` days old.
    fill: &'static str,
    /// Inserts old rows that the job must not remove.
    stay: &'static str,
    batch: u64,
}

const OUTBOX: Table = Table {
    name: "outbox",
    service: &order::SERVICE,
    fill: "insert into outbox (event_uuid, event_type, key, payload, trace, published_at)
        select gen_random_uuid(), 'events.v1.OrderPaid', gen_random_uuid(), '', '{}', now() - make_interval(days => $2)
        from generate_series(1, $1)",
    stay: "insert into outbox (event_uuid, event_type, key, payload, trace, created_at)
        values (gen_random_uuid(), 'events.v1.OrderPaid', gen_random_uuid(), '', '{}', now() - interval '100 days')",
    batch: outbox::SWEEP_BATCH,
};

const INBOX: Table = Table {
    name: "inbox",
    service: &order::SERVICE,
    fill: "insert into inbox (consumer, event_uuid, received_at)
        select 'group', gen_random_uuid(), now() - make_interval(days => $2) from generate_series(1, $1)",
    stay: "",
    batch: inbox::SWEEP_BATCH,
};

const JOBS: Table = Table {
    name: "jobs",
    service: &assembly::SERVICE,
    fill: "insert into jobs (order_uuid, user_uuid, status, build_time_sec, fails, trace, due_at, finished_at)
        select gen_random_uuid(), gen_random_uuid(), 'assembled', 1, false, '{}', now(), now() - make_interval(days => $2)
        from generate_series(1, $1)",
    stay: "insert into jobs (order_uuid, user_uuid, build_time_sec, fails, trace, started_at, due_at)
        values (gen_random_uuid(), gen_random_uuid(), 1, false, '{}', now() - interval '100 days', now())",
    batch: assembly::repository::BUILDS_BATCH,
};

const KEYS: Table = Table {
    name: "idempotency_keys",
    service: &order::SERVICE,
    fill: "insert into idempotency_keys (user_uuid, key, fingerprint, order_uuid, lease_until, created_at, token)
        select gen_random_uuid(), 'key', '', gen_random_uuid(), now(), now() - make_interval(days => $2), gen_random_uuid()
        from generate_series(1, $1)",
    stay: "",
    batch: 1_000,
};

/// Events that the delivery service received before their `order.paid`.
const EARLY: Table = Table {
    name: "orders",
    service: &delivery::SERVICE,
    fill: "insert into orders (uuid, state, trace, created_at)
        select gen_random_uuid(), 'ASSEMBLED_EARLY', '{}', now() - make_interval(days => $2) from generate_series(1, $1)",
    stay: "insert into orders
            (uuid, state, status, delivery_uuid, tracking_number, x, y, volume, estimated_date, trace, created_at, waiting_since)
        values (gen_random_uuid(), 'CREATED', 'PENDING', gen_random_uuid(), 'AB12CD34EF56', 1, 1, 1, now(), '{}',
            now() - interval '100 days', now() - interval '100 days')",
    batch: delivery::repository::EARLY_BATCH,
};

/// The age in days of rows that the job must remove.
const OLD: i32 = 2;
const YOUNG: i32 = 0;

impl Table {
    async fn remove(&self, pool: &Database) -> u64 {
        match self.name {
            "outbox" => outbox::sweep(pool, &Tables::default(), KEEP).await.unwrap(),
            "inbox" => inbox::sweep(pool, &Tables::default(), KEEP).await.unwrap(),
            "jobs" => assembly::repository::remove_finished(pool, KEEP).await.unwrap(),
            "orders" => delivery::repository::remove_early(pool, KEEP).await.unwrap(),
            _ => PgOrders::new(pool.clone()).remove(KEEP, self.batch.cast_signed()).await.unwrap(),
        }
    }

    async fn fill(&self, pool: &Database, rows: u64, days: i32) {
        sqlx::query(self.fill).bind(rows.cast_signed()).bind(days).execute(pool).await.unwrap();
    }

    async fn rows(&self, pool: &Database) -> u64 {
        let question = format!("select count(*) from {}", self.name);
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(question)).fetch_one(pool).await.unwrap();
        rows.cast_unsigned()
    }
}

#[tokio::test]
async fn each_table_shrinks_ten_times_as_fast_as_it_fills() {
    for table in [OUTBOX, INBOX, JOBS, KEYS, EARLY] {
        let pool = testkit::database(table.service.migrations().expect("it has a database")).await.pool;
        table.fill(&pool, 3 * table.batch, OLD).await;
        table.fill(&pool, 7, YOUNG).await;
        sqlx::query(table.stay).execute(&pool).await.unwrap();
        let stay = table.rows(&pool).await - 3 * table.batch;

        // After each full batch, 10 % of its size arrive as new rows. So 300, 210, 120 and 30 % of a batch are left
        // before each of the four batches, and nothing after the last.
        let batches = Arc::new(AtomicU64::new(0));
        let batch = || async {
            batches.fetch_add(1, Ordering::SeqCst);
            let removed = table.remove(&pool).await;
            if removed == table.batch {
                table.fill(&pool, table.batch / 10, OLD).await;
            }
            Ok(Done::from_count(removed, table.batch))
        };
        let lease = Arc::new(MemoryLease::new("one"));
        // All batches run within one period: the next one follows a full batch at once.
        let run = repeat(table.name, lease, Duration::from_hours(1), batch, CancellationToken::new());
        tokio::select! {
            _ = run => panic!("it does not end by itself"),
            () = eventually(|| async { (table.rows(&pool).await == stay).then_some(()) }) => {}
        }

        assert_eq!(batches.load(Ordering::SeqCst), 4, "{}", table.name);
    }
}

/// The tables whose retention the notification service and the console test themselves.
const TESTED_ELSEWHERE: [&str; 3] = ["notifications", "bot_offsets", "timeline"];

#[tokio::test]
async fn every_table_says_what_removes_its_rows() {
    let mut removed = BTreeSet::new();
    for service in with_database() {
        let pool = testkit::database(service.migrations().expect("it has a database")).await.pool;
        let tables: Vec<(String, Option<String>)> = sqlx::query_as(
            "select relname::text, obj_description(oid, 'pg_class') from pg_class
            where relkind = 'r' and relnamespace = 'public'::regnamespace",
        )
        .fetch_all(&pool)
        .await
        .unwrap();

        for (table, comment) in tables.into_iter().filter(|(table, _)| !table.starts_with("_sqlx_migrations")) {
            let comment = comment.unwrap_or_else(|| panic!("{table} of {service} does not say what removes its rows"));
            if TESTED_ELSEWHERE.contains(&table.as_str()) {
                let by_job = format!("Removed by the job \"{table}\"");
                assert!(comment.contains(&by_job), "{table} of {service}: {comment}");
            } else if comment.contains("removed by the job") {
                removed.insert(table);
            } else {
                let stay = ["Rows stay for ever", "Rows are never removed"];
                assert!(
                    stay.iter().any(|text| comment.starts_with(text)),
                    "{table} of {service}: its comment must contain \"removed by the job <name>\", or begin with one of {stay:?}: {comment}"
                );
            }
        }
    }

    assert_eq!(removed, [OUTBOX, INBOX, JOBS, KEYS, EARLY].map(|table| table.name.to_owned()).into());
}
