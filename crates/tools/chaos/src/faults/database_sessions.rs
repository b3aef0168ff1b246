//! PostgreSQL ends the services' sessions, is read-only for a while, or holds a lock on one row. Unaffected requests
//! succeed meanwhile, and the others as soon as the cause is removed.

use std::time::Duration;

use anyhow::Context as _;
use operations::registry::with_database;
use rand::seq::IndexedRandom as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::sleep;
use uuid::Uuid;

use super::{ANSWERED_AFTER, answered_since, inject};
use crate::experiment::{Experiment, Fault, Injected, Injection};

pub const FAULTS: [Fault; 3] = [
    Fault::new(
        4,
        "connections-ended",
        "PostgreSQL ends every session of the services, and keeps running",
        inject!(end),
    )
    .times(10, 3)
    .holds("At most one request in twenty fails."),
    Fault::new(
        4,
        "read-only",
        "PostgreSQL is read-only, as a former replica is after a failover, to sessions that begin meanwhile",
        inject!(read_only),
    )
    .lasting(15, 6)
    .holds("No session from before is used afterwards."),
    Fault::new(4, "part-locked", "a transaction locks one part of the catalogue", inject!(lock))
        .lasting(20, 6)
        .holds("Orders of other parts are created meanwhile."),
];

/// At most one in this many requests may fail when all sessions end: a write that must not be retried, or a request
/// whose retry also loses its session.
const REQUESTS_PER_FAILURE: u64 = 20;

async fn end(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let before = experiment.load.counters();
    let mut ended = 0;
    for _ in 0..experiment.times {
        ended += end_sessions(experiment).await?;
        sleep(Duration::from_secs(1)).await;
    }
    experiment.cause_removed();
    let counters = answered_since(experiment, &before).await;
    let failed = counters.unsatisfied();
    let mut done = Injection::at_least_one(ended, "no session was ended");
    if failed * REQUESTS_PER_FAILURE > counters.requests {
        done.problems.push(format!("{failed} of {} requests failed, though PostgreSQL was running", counters.requests));
    }
    done.notes.push(format!("{ended} sessions ended; {failed} of {} requests failed", counters.requests));
    Ok(Injected::Done(done))
}

async fn read_only(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let outcome = async {
        set_read_only(experiment, "set default_transaction_read_only = on").await?;
        end_sessions(experiment).await?;
        sleep(ANSWERED_AFTER).await;
        let before = created(experiment).await?;
        sleep(experiment.lasting.saturating_sub(ANSWERED_AFTER)).await;
        anyhow::Ok(created(experiment).await? - before)
    };
    let outcome = outcome.await;
    // The services' sessions stay open: each keeps its setting from when it began.
    set_read_only(experiment, "reset default_transaction_read_only").await.context("making PostgreSQL writable")?;
    experiment.cause_removed();
    let mut done = Injection::once();
    let written = outcome?;
    if written > 0 {
        done.problems.push(format!("the fault had no effect: {written} orders were created meanwhile"));
    }
    Ok(Injected::Done(done))
}

async fn lock(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let mut connection = PgConnection::connect(experiment.cluster.servers.database_url(&inventory::SERVICE)?).await?;
    let parts: Vec<Uuid> =
        sqlx::query_scalar("select part_uuid from parts order by 1").fetch_all(&mut connection).await?;
    let part = *parts.choose(&mut experiment.random).context("the catalogue has parts")?;
    let mut transaction = connection.begin().await?;
    sqlx::query("select from parts where part_uuid = $1 for update").bind(part).execute(&mut *transaction).await?;
    let before = created(experiment).await?;
    sleep(experiment.lasting).await;
    let written = created(experiment).await? - before;
    transaction.rollback().await?;
    experiment.cause_removed();
    let mut done = Injection::once();
    if written == 0 {
        done.problems.push("no order of another part was created while one part was locked".to_owned());
    }
    done.notes.push(format!("{written} orders were created while one of {} parts was locked", parts.len()));
    Ok(Injected::Done(done))
}

/// Ends all services' sessions. Returns their number.
async fn end_sessions(experiment: &Experiment) -> anyhow::Result<usize> {
    let names: Vec<&str> = with_database().map(|service| service.name).collect();
    let ended = sqlx::query_scalar::<_, i64>(
        "select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity
        where datname = any($1) and usename = any($1)",
    );
    let mut connection = PgConnection::connect(&experiment.cluster.servers.postgres_url).await?;
    Ok(usize::try_from(ended.bind(&names).fetch_one(&mut connection).await?)?)
}

/// Changes a setting of each service's database for new sessions.
async fn set_read_only(experiment: &Experiment, change: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(&experiment.cluster.servers.postgres_url).await?;
    for service in with_database() {
        let statement = format!(r#"alter database "{}" {change}"#, service.name);
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    Ok(())
}

async fn created(experiment: &Experiment) -> anyhow::Result<i64> {
    experiment.cluster.count(&order::SERVICE, "select count(*) from orders").await
}
