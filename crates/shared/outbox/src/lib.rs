//! Transactional outbox and inbox for PostgreSQL.
//!
//! A service that changes its database and then publishes an event can crash in between, and the event is lost. If it
//! publishes first, it may report a change that is rolled back. With an outbox, the event is a row that is written in
//! the transaction of the change, and a relay publishes the rows. The inbox is the counterpart: a consumer records each
//! event in the transaction of its effect, so that an event that is delivered twice has its effect once.
//!
//! # Guarantees
//!
//! - Every committed event is published at least once, and none of a transaction that is rolled back.
//! - The events of one key are published in the order in which their rows were written. This holds while relays crash,
//!   freeze and take over: only the holder of a lease publishes, and its epoch fences the marks of earlier holders. A
//!   relay that freezes while it sends may still repeat events that were published before, but skips none.
//! - An event that the broker refuses, or that has no topic, holds up only the later events of its key. It is set aside
//!   and retried.
//! - There is *no* exactly-once delivery: consumers need the inbox or other idempotence. There is no order between
//!   keys, and transactions that write events of one key concurrently must serialise themselves, for example with a
//!   lock on the row that they change.
//!
//! # Example
//!
//! Create the tables with the files in `migrations`. Then write events, run one relay in each replica, and delete old
//! rows:
//!
//! ```no_run
//! use std::{sync::Arc, time::Duration};
//!
//! use outbox::{Event, PgOutbox, Publisher, Relay, Tables, Waker, listen, topics_of_same_name};
//! use sqlx::{PgPool, query};
//! use tokio_util::sync::CancellationToken;
//! use uuid::Uuid;
//!
//! # #[derive(Clone)]
//! # struct Broker;
//! # #[async_trait::async_trait]
//! # impl Publisher for Broker {
//! #     async fn publish(&self, _: Vec<outbox::Record>) -> anyhow::Result<()> {
//! #         Ok(())
//! #     }
//! # }
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
//! async fn run(pool: PgPool, publisher: Broker, waker: Waker, stop: CancellationToken) -> anyhow::Result<()> {
//!     let tables = Tables::default();
//!     let holder = Uuid::new_v4().to_string();
//!     let notifications = listen((*pool.connect_options()).clone(), &tables.outbox);
//!     let rows = PgOutbox::new(pool.clone(), &tables, holder).woken_by(notifications);
//!     let topics = topics_of_same_name(["order-paid"]);
//!     let relay = Relay::new("shop", Arc::new(rows), Arc::new(publisher), topics, &waker);
//!     relay.with_content_type("application/json").run(stop).await?;
//!     outbox::sweep(&pool, &tables, Duration::from_hours(24)).await?;
//!     Ok(())
//! }
//!
//! async fn ship(pool: &PgPool, order: Uuid, event: Uuid) -> sqlx::Result<()> {
//!     let mut transaction = pool.begin().await?;
//!     if outbox::inbox::apply(&mut transaction, &Tables::default(), "shipping", event).await? {
//!         query("insert into shipments (order_uuid) values ($1)").bind(order).execute(&mut *transaction).await?;
//!     }
//!     transaction.commit().await
//! }
//! ```
//!
//! A service that makes its change in a single statement can write the event, or the inbox row, in that statement: see
//! [`Columns`] and [`inbox`].
//!
//! # Errors
//!
//! [`write()`] and [`inbox::apply`] return the error of their statement, after which PostgreSQL has aborted the
//! transaction. [`Relay::run`] does not fail: it logs an outage of the database or the broker once when it begins and
//! once when it ends, and retries every 1.25 s. Alert on the gauges `outbox_oldest_seconds` and `outbox_unroutable`.
//!
//! # Bounds
//!
//! A batch has 500 rows at most, and the relay keeps two batches in memory. It publishes within 100 ms of a wake-up
//! while the broker keeps up. A replica takes over 5 s after the holder of the lease has died, or at once if it stops.
//! Stopping takes up to 2.5 s. The backlog is counted up to a million rows. The caller limits the waits of its pool,
//! and the publisher those of [`Publisher::publish_each`], which must end before the lease does, within 3 s.
//!
//! # Cost
//!
//! [`write()`], [`write_all`] and [`inbox::apply`] take one round trip each. The relay takes two for a batch, one to
//! read and one to mark it; while rows remain, both overlap with publishing. An idle relay reads once a second, renews
//! its lease every 1.7 s, looks for rows that are set aside every 5 s, and counts the backlog every 5 s to 60 s. Relays
//! without the lease ask for it once a second.

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
pub use self::{kafka_publisher::KafkaPublisher, kafka_reader::KafkaReader};
