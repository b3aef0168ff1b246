//! The outbox and the inbox of a service's database. Their tables have the default names of the crate `outbox`, which
//! the services' own statements contain, too.

use std::sync::Arc;

use outbox::{PgOutbox, Tables, listen};
use uuid::Uuid;

use super::{Database, GroupCommit};

/// Creates the outbox of a database, whose relay is woken by other replicas. `holder` identifies this process as a
/// holder of the lease.
pub fn outbox_of(database: &Database, holder: &str) -> PgOutbox<Database> {
    let tables = Tables::default();
    let notifications = listen((*database.connect_options()).clone(), &tables.outbox);
    PgOutbox::new(database.clone(), &tables, holder).woken_by(notifications)
}

/// The consumer and the id of an event that it has processed.
type Handled = (&'static str, Uuid);

/// Records events that a consumer processes without a change, concurrent ones in one statement.
#[derive(Clone)]
pub struct SkippedEvents(GroupCommit<Handled, ()>);

impl SkippedEvents {
    pub fn new(database: Database) -> Self {
        Self(GroupCommit::without_results("skip_events", database, insert))
    }

    /// Records that `consumer` has processed an event without a change. Idempotent.
    pub async fn skip(&self, consumer: &'static str, event: Uuid) -> sqlx::Result<()> {
        self.0.submit((consumer, event)).await
    }
}

async fn insert(database: Database, events: Arc<[Handled]>) -> sqlx::Result<()> {
    let (consumers, uuids): (Vec<&str>, Vec<Uuid>) = events.iter().copied().unzip();
    sqlx::query!(
        "insert into inbox (consumer, event_uuid)
        select consumer, event_uuid
        from unnest($1::text[], $2::uuid[]) as skipped (consumer, event_uuid)
        order by consumer, event_uuid
        on conflict do nothing",
        &consumers as _,
        &uuids,
    )
    .execute(&database)
    .await?;
    Ok(())
}
