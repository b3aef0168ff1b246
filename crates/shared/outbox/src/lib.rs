//! Transactional outbox and inbox for PostgreSQL: events are written in the transaction of the change that they report,
//! and a relay publishes them.
//!
//! What is promised, and what is not:
//!
//! 1. Every committed event is published at least once, and none of a transaction that is rolled back.
//! 2. The events of one key are published in the order in which their rows were written, while relays crash, freeze and
//!    take over; a relay may repeat events that were published before, but skips none.
//! 3. An event that the broker refuses, or that has no topic, is set aside and retried, and holds up only the later
//!    events of its key.
//! 4. There is *no* exactly-once delivery, so consumers need the inbox or other idempotence; there is no order between
//!    keys, and transactions that write events of one key concurrently must serialise themselves, for example with a
//!    lock on the row that they change.
//!
//! A service that changes its database and then publishes an event can crash in between, and the event is lost. If it
//! publishes first, it may report a change that is rolled back. With an outbox, the event is a row of the same
//! transaction. Any number of relays may run: the one that holds a lease publishes, and the lease's epoch fences the
//! marks of earlier holders. The inbox is the counterpart: a consumer records each event in the transaction of its
//! effect, so that an event that is delivered twice has its effect once.
//!
//! # Quick start
//!
//! 1. Copy the files of `migrations` into those of your service, those of an outbox without `inbox.sql`; see
//!    [Tables](#tables).
//! 2. Write events in your transactions, with [`write()`].
//! 3. Spawn a [`Relay`] in each replica, and delete old rows with [`sweep`] once an hour. Stop the server first, then
//!    the relay: it publishes what the server has written, for two seconds at most, and the rest stays in the table.
//!
//! ```toml
//! async-trait = "0.1" # for a publisher of your own
//! sqlx = { version = "0.9", features = ["postgres", "runtime-tokio"] }
//! tokio-util = "0.7"
//! uuid = { version = "1", features = ["v4"] }
//! ```
//!
//! ```no_run
//! use std::{sync::Arc, time::Duration};
//!
//! use outbox::{Event, PgOutbox, Publisher, Relay, Tables, Waker, listen, topics_of_same_name};
//! use sqlx::{PgPool, query};
//! use tokio_util::sync::CancellationToken;
//! use uuid::Uuid;
//!
//! async fn pay(pool: &PgPool, order: Uuid, waker: &Waker) -> sqlx::Result<()> {
//!     let mut transaction = pool.begin().await?;
//!     query("update orders set status = 'paid' where uuid = $1").bind(order).execute(&mut *transaction).await?;
//!     let event = Event::new("order-paid", order, "{}");
//!     outbox::write(&mut transaction, &Tables::default(), &event).await?;
//!     transaction.commit().await?;
//!     waker.wake();
//!     Ok(())
//! }
//!
//! /// Publishes until `stop` is cancelled. `waker` is a clone of the one that `pay` wakes.
//! async fn relay(pool: PgPool, broker: impl Publisher, waker: Waker, stop: CancellationToken) -> anyhow::Result<()> {
//!     let tables = Tables::default();
//!     // Another one in each process.
//!     let holder = Uuid::new_v4().to_string();
//!     let notifications = listen((*pool.connect_options()).clone(), &tables.outbox);
//!     let rows = PgOutbox::new(pool, &tables, holder).woken_by(notifications);
//!     let topics = topics_of_same_name(["order-paid"]);
//!     let relay = Relay::new("shop", Arc::new(rows), Arc::new(broker), topics, &waker);
//!     relay.with_content_type("application/json").run(stop).await
//! }
//!
//! async fn delete_old_rows(pool: &PgPool) -> sqlx::Result<()> {
//!     while outbox::sweep(pool, &Tables::default(), Duration::from_hours(24)).await? == outbox::SWEEP_BATCH {}
//!     Ok(())
//! }
//! ```
//!
//! The feature `kafka` has a publisher for Kafka, made by
//! `KafkaPublisher::new(ClientConfig::new().set("bootstrap.servers", "localhost:9092"))`; a publisher with producers of
//! your own calls `send_each`. For another broker, implement [`Publisher`] with the crate async-trait. With
//! [`publish`](Publisher::publish) alone, any error counts as an outage of the broker, so a record that it refuses
//! holds up all: implement [`publish_each`](Publisher::publish_each), too. `examples/orders.rs` is a whole program,
//! which prints its records.
//!
//! A consumer records the event in the transaction of its effect. The event's id is the header [`HEADER_EVENT_UUID`]:
//!
//! ```no_run
//! use outbox::{Tables, inbox};
//! use sqlx::{PgPool, query};
//! use uuid::Uuid;
//!
//! async fn ship(pool: &PgPool, order: Uuid, event: Uuid) -> sqlx::Result<()> {
//!     let mut transaction = pool.begin().await?;
//!     if inbox::apply(&mut transaction, &Tables::default(), "shipping", event).await? {
//!         query("insert into shipments (order_uuid) values ($1)").bind(order).execute(&mut *transaction).await?;
//!     }
//!     transaction.commit().await
//! }
//! ```
//!
//! A service that makes its change in a single statement can write the event, or the inbox row, in that statement: see
//! [`Columns`] and [`inbox`]. [`check()`] compares the table with its topics and reports events that are lost or out of
//! order.
//!
//! # Errors
//!
//! [`write()`] and [`inbox::apply`] return the error of their statement, after which PostgreSQL has aborted the
//! transaction. [`Relay::run`] ends after `stop` only, with `Ok`: it logs an outage of the database or the broker (with
//! the crate tracing) once when it begins and once when it ends, and retries every 1.25 s. Alert on the gauges
//! `outbox_oldest_seconds` and `outbox_unroutable` of the crate metrics.
//!
//! # Bounds
//!
//! - A batch has 500 rows at most, and the relay keeps two batches in memory. It publishes within 100 ms of
//!   [`Waker::wake`] while the broker keeps up, and within a second without it.
//! - The lease lasts 5 s: after that a replica takes over from a holder that has died; it takes over at once from one
//!   that has stopped, which takes up to 2.5 s.
//! - The backlog is counted up to a million rows.
//! - The caller limits the waits of its pool, for example by an `acquire_timeout` of 3 s and, as an option of its
//!   connections, a `statement_timeout` of 5 s. [`listen`] opens one connection more. The publisher limits the waits of
//!   [`Publisher::publish_each`], which must end before the lease does, within 3 s. `KafkaPublisher` does.
//! - The table has the rows that wait and those that [`sweep`] has not deleted. Keep published rows for as long as
//!   [`check()`] should see them, and inbox rows for longer than any topic keeps records.
//!
//! # Costs
//!
//! Round trips to the database:
//!
//! | | |
//! |---|---|
//! | [`write()`], [`write_all`], [`inbox::apply`] | 1 |
//! | an event in your own statement ([`Columns`]) | 0 |
//! | a batch of the relay | 2: read and mark. Both overlap with publishing while rows remain. |
//! | an idle relay | 1 a second; every 1.7 s the lease, every 5 s rows set aside, every 5 s to 60 s the backlog |
//! | a relay without the lease | 1 a second |
//!
//! An event's row is inserted, updated once when it is published, and deleted, and each writes to the log (WAL) for the
//! table and its indexes. PostgreSQL 15 logged, for 20 000 events in a transaction each, marked in hundreds and deleted
//! in thousands, with the full pages after a checkpoint left out, in bytes per event:
//!
//! | payload | insert | mark | delete | together |
//! |---|---|---|---|---|
//! | 100 bytes | 701 | 603 | 91 | 1 395 |
//! | 1 000 bytes | 1 609 | 1 513 | 138 | 3 261 |
//!
//! # Tables
//!
//! [`Tables`] takes names other than these. Writing needs `outbox`, the relay also needs `leases`, and a consumer needs
//! `inbox`.
//!
//! ```sql
#![doc = include_str!("../migrations/outbox.sql")]
#![doc = include_str!("../migrations/leases.sql")]
#![doc = include_str!("../migrations/inbox.sql")]
//! ```

mod batch;
mod check;
mod event;
pub mod inbox;
#[cfg(feature = "kafka")]
mod kafka_publisher;
#[cfg(feature = "kafka")]
mod kafka_reader;
mod lease;
mod memory;
mod metrics;
mod notifications;
mod outage;
mod pool;
mod postgres;
mod publisher;
mod relay;
mod statements;
mod table;

#[cfg(feature = "kafka")]
pub use rdkafka::ClientConfig;

pub use self::{
    check::{CheckedRecord, CheckedRow, Finding, MAX_FINDINGS, Report, TopicReader, check, check_records},
    event::{Columns, Event, event_uuid, write, write_all},
    lease::{Lease, MemoryLease, PgLease, release_all},
    memory::MemoryOutbox,
    notifications::{Notifications, listen},
    pool::{Pool, Query},
    postgres::{PgOutbox, SWEEP_BATCH, sweep},
    publisher::{
        HEADER_CONTENT_TYPE, HEADER_EVENT_TIME, HEADER_EVENT_TYPE, HEADER_EVENT_UUID, PublishOutcome, Publisher,
        Record, Refused, Scope, Unavailable, in_order_of_keys,
    },
    relay::{Relay, topics_of_same_name},
    statements::{Tables, statements},
    table::{Backlog, Outbox, TakenBack, Unpublished, Waker},
};
#[cfg(feature = "kafka")]
pub use self::{
    kafka_publisher::{KafkaPublisher, send_each},
    kafka_reader::KafkaReader,
};
