//! Reads the databases and the topics into the facts of an audit.
//!
//! Only this module reads the schemas of several services. Its statements are plain strings, since no single database
//! could check them at compile time. The tests run each of them.

mod activity;
mod assembly;
mod customers;
mod delivery;
mod intake;
mod inventory;
mod messaging;
mod notification;
mod order;
mod payment;
mod topics;

use std::collections::HashMap;

use anyhow::Context as _;
use audit::Facts;
use chrono::{DateTime, Utc};
use contracts::events::Topics;
use platform::{
    config::{ConfigError, Settings},
    kafka,
};
use sqlx::PgConnection;

pub use self::{
    activity::{fingerprint, under_way},
    topics::Progress,
};
use crate::{databases::Databases, registry::with_database};
use platform::service::Service;

/// The variable with the time since which a non-persistent broker has records. The one-process shop sets it for its
/// tools.
pub const LOG_SINCE: &str = "KAFKA_LOG_SINCE";

/// The sources of facts.
pub struct Sources {
    pub databases: Databases,
    pub kafka: kafka::Config,
    pub topics: Topics,
    log_since: Option<DateTime<Utc>>,
}

impl Sources {
    /// Returns the sources that the settings name, for a tool such as `shipyard-audit`.
    pub fn of(tool: &str, settings: &Settings) -> anyhow::Result<Self> {
        let since = settings.get(LOG_SINCE).map(str::parse).transpose();
        Ok(Self {
            databases: Databases::of(tool, settings)?,
            kafka: kafka::Config::load(settings)?,
            topics: settings.read()?,
            log_since: since.map_err(|error| ConfigError::new(LOG_SINCE, error))?,
        })
    }

    /// Reads all facts. `progress` is called while topics are read.
    pub async fn gather(&self, progress: Progress) -> anyhow::Result<Facts> {
        let with_events =
            with_database().filter(|service| ["outbox", "inbox"].iter().any(|table| service.has_table(table)));
        let read = with_events.map(async |service| anyhow::Ok((service.name, self.read(service).await?)));
        let (mut facts, mut outbox, mut inboxes) = (HashMap::new(), Vec::new(), Vec::new());
        for (name, mut read) in futures::future::try_join_all(read).await? {
            outbox.append(&mut read.outbox);
            inboxes.append(&mut read.inboxes);
            facts.insert(name, read);
        }
        let mut of = |name: &str| facts.remove(name).unwrap_or_default();
        let (order, inventory, payment) = (of("order"), of("inventory"), of("payment"));
        let (assembly, notification) = (of("assembly"), of("notification"));
        let (delivery, customers) = (of("delivery"), of("customers"));
        let intake = Box::pin(intake::read(&self.databases, &self.kafka, &self.topics, progress.clone())).await?;
        let read = topics::read(&self.kafka, &self.topics, self.log_since, order.at, progress).await?;
        Ok(Facts {
            at: order.at,
            kept_since: Some(messaging::kept_since(&self.databases, &self.kafka, order.at).await?),
            orders: order.orders,
            acknowledged: order.acknowledged,
            payments: payment.payments,
            ledger: payment.ledger,
            balances: payment.balances,
            completions: [payment.completions, read.completions].concat(),
            completions_since: payment.completions_since,
            books: vec![payment::LEDGER.to_owned()],
            parts: inventory.parts,
            restocks: inventory.restocks,
            reservations: inventory.reservations,
            jobs: assembly.jobs,
            notifications: notification.notifications,
            deliveries: delivery.deliveries,
            couriers: delivery.couriers,
            places: delivery.places,
            customers: customers.customers,
            customer_versions: customers.customer_versions,
            loans: customers.loans,
            credits: payment.credits,
            intake,
            outbox,
            inboxes,
            logs: read.logs,
            dead_letters: read.dead_letters,
            discarded: read.discarded,
            ..Facts::default()
        })
    }

    /// Reads one database: its outbox and inboxes, if it has them, and the facts that the submodule of its service
    /// reads.
    async fn read(&self, service: &'static Service) -> anyhow::Result<Facts> {
        let mut snapshot = snapshot(&self.databases, service).await?;
        let database = &mut snapshot;
        let own = match service.name {
            "order" => order::read(database).await?,
            "inventory" => inventory::read(database).await?,
            "payment" => payment::read(database).await?,
            "assembly" => assembly::read(database).await?,
            "notification" => notification::read(database).await?,
            "delivery" => delivery::read(database).await?,
            "customers" => customers::read(database).await?,
            _ => Facts::default(),
        };
        let outbox = if service.has_table("outbox") { messaging::outbox(database, service).await? } else { Vec::new() };
        let inboxes =
            if service.has_table("inbox") { messaging::inboxes(database, service).await? } else { Vec::new() };
        Ok(Facts { outbox, inboxes, ..own })
    }
}

/// Opens a snapshot of a database: a connection in a repeatable-read transaction, which ends with the connection.
async fn snapshot(databases: &Databases, service: &'static Service) -> anyhow::Result<PgConnection> {
    let connected = databases.get(service)?.connect().await;
    let mut snapshot = connected.with_context(|| format!("reading the database of {service}"))?;
    for statement in ["begin isolation level repeatable read read only", "set local statement_timeout = 0"] {
        sqlx::query(statement).execute(&mut snapshot).await?;
    }
    Ok(snapshot)
}

/// Parses a status.
fn parsed<T>(what: &'static str, text: &str, parse: impl FnOnce(&str) -> Option<T>) -> anyhow::Result<T> {
    parse(text).with_context(|| format!("{what} is {text}, which this audit does not know"))
}
