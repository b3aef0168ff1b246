//! The jobs that delete old rows.

use std::{sync::Arc, time::Duration};

use outbox::{PgLease, Tables, inbox};
use store::postgres::Database;

use super::{Done, Job};

const RETENTION_INTERVAL: Duration = Duration::from_mins(1);
/// How much earlier outbox rows are deleted than others; longer than the time between two runs.
const OUTBOX_HEAD_START: Duration = Duration::from_hours(1);

/// The settings of the jobs that delete old rows, once a minute in one replica.
pub struct Retention {
    pub database: Database,
    /// Identifies this process among its replicas, see [`Server::instance`](crate::server::Server::instance).
    pub holder: String,
    /// The minimum age of a row to be deleted, greater than the age of any record in a topic. Outbox rows are deleted
    /// an hour earlier.
    pub age: Duration,
}

impl Retention {
    /// Creates a job that calls `remove` with the database and the age to delete one batch of rows. `name` is also the
    /// name of its lease.
    pub fn job<F>(&self, name: &'static str, remove: impl Fn(Database, Duration) -> F + Send + Sync + 'static) -> Job
    where
        F: Future<Output = anyhow::Result<Done>> + Send + 'static,
    {
        let (database, age) = (self.database.clone(), self.age);
        let lease = Arc::new(PgLease::new(database.clone(), &Tables::default(), name, self.holder.clone()));
        Job::periodic(name, lease, RETENTION_INTERVAL, move || remove(database.clone(), age))
    }

    /// Creates the job that deletes old published rows of the outbox. It has its own lease, so that it does not block
    /// the relay.
    ///
    /// Outbox rows are deleted an hour earlier than, for example, inbox rows. Otherwise `cargo run`, which republishes
    /// events that the mock broker lost, could republish a handled event whose inbox row is already deleted.
    pub fn outbox(&self) -> Job {
        self.job("outbox-retention", |database, age| async move {
            let age = age.saturating_sub(OUTBOX_HEAD_START);
            Ok(Done::from_count(outbox::sweep(&database, &Tables::default(), age).await?, outbox::SWEEP_BATCH))
        })
    }

    /// Creates the job that deletes old inbox rows, which every database with an inbox needs.
    pub fn inbox(&self) -> Job {
        self.job("inbox", |database, age| async move {
            Ok(Done::from_count(inbox::sweep(&database, &Tables::default(), age).await?, inbox::SWEEP_BATCH))
        })
    }
}
