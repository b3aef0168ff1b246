//! Reads the databases and the topics into the facts of an audit.

pub mod action_log;
mod activity;
pub(crate) mod messaging;
mod other_shops;
pub(crate) mod topics;

use anyhow::Context as _;
use audit::{Facts, facts::Bounds};
use chrono::{DateTime, Utc};
use contracts::events::{Topics, route_of};
use platform::{
    config::{ConfigError, Settings},
    kafka,
};
use sqlx::PgConnection;

pub use self::{
    activity::{accepted_refunds, fingerprint, under_way},
    topics::Progress,
};
use crate::{
    SERVICE,
    databases::Databases,
    dead_letter_queue::DeadLetterQueue,
    readers::payment::LEDGER,
    registry::{readable, reader_of, with_database},
    repository::resolved_letters::ResolvedLetters,
};
use platform::server::service::Service;

/// The variable with the time since which a non-persistent broker has records. The one-process shop sets it for its
/// tools.
pub const LOG_SINCE: &str = "KAFKA_LOG_SINCE";
/// The services' variables whose limits an audit applies: the time of a build, of a courier's step, and of a loan that
/// is held for a user who is not a customer.
pub const TIME_LIMITS: [&str; 3] = ["ASSEMBLY_BUILD_MAX", "DELIVERY_MOVE_EVERY", "LOAN_HOLD"];

pub struct Sources {
    pub databases: Databases,
    pub kafka: kafka::Config,
    pub topics: Topics,
    log_since: Option<DateTime<Utc>>,
    checkpoint_keys: action_log::Keys,
}

impl Sources {
    /// Returns the sources that the settings name, for a tool such as `shipyard-audit`.
    pub fn from_settings(tool: &str, settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            databases: Databases::of_services(readable(settings), tool, settings)?,
            kafka: kafka::Config::load(settings)?,
            topics: settings.read()?,
            log_since: log_since(settings)?,
            checkpoint_keys: action_log::Keys::load(settings),
        })
    }

    /// Reads all facts. `progress` is called while topics are read.
    pub async fn gather(&self, progress: Progress) -> anyhow::Result<Facts> {
        let with_facts = with_database()
            .filter(|service| reader_of(service).is_some() || service.has_table("outbox") || service.has_table("inbox"))
            .filter(|service| self.databases.has(service));
        let read = with_facts.map(|service| self.read(service));
        let parts = futures::future::try_join_all(read).await?;
        let own = joined(parts);
        let intake = Box::pin(other_shops::read(&self.databases, &self.kafka, &self.topics, progress.clone())).await?;
        let action_log = Box::pin(action_log::read(&self.databases, &self.checkpoint_keys)).await?;
        let read = topics::read(&self.kafka, &self.topics, self.log_since, own.at, progress).await?;
        // The resolved letters are read after the topics: they include each letter that was pruned before.
        let discarded = self.dead_letter_queue()?.discarded().await?;
        let mut outbox = own.outbox;
        for log in &read.logs {
            // Where iam's outbox must not be read, the records themselves say which events iam has written.
            let route = route_of(&log.kind).filter(|route| !self.databases.has_named(route.producer));
            outbox.extend(route.into_iter().flat_map(|route| messaging::rows_of(log, route.producer)));
        }
        Ok(Facts {
            outbox,
            kept_since: Some(messaging::kept_since(&self.kafka, own.at)),
            completions: [own.completions, read.completions].concat(),
            books: vec![LEDGER.to_owned()],
            intake,
            action_log: Some(action_log),
            logs: read.logs,
            dead_letters: read.dead_letters,
            discarded,
            ..own
        })
    }

    fn dead_letter_queue(&self) -> anyhow::Result<DeadLetterQueue> {
        let resolved = ResolvedLetters::new(self.databases.get(&SERVICE)?.clone());
        DeadLetterQueue::new(self.kafka.clone(), self.topics.clone(), resolved)
    }

    /// Reads one database: its outbox and inboxes, if any, and the facts that its service's reader reads.
    async fn read(&self, service: &'static Service) -> anyhow::Result<Facts> {
        let mut snapshot = snapshot(&self.databases, service).await?;
        let database = &mut snapshot;
        let own = match reader_of(service) {
            Some(reader) => (reader.facts)(database).await?,
            None => Facts::default(),
        };
        let outbox = messaging::outbox(database, service).await?;
        let inboxes = messaging::inboxes(database, service).await?;
        Ok(Facts { outbox, inboxes, ..own })
    }
}

/// Returns the time since which a non-persistent broker has records.
pub(crate) fn log_since(settings: &Settings) -> anyhow::Result<Option<DateTime<Utc>>> {
    let since = settings.get(LOG_SINCE).map(str::parse).transpose();
    Ok(since.map_err(|error| ConfigError::new(LOG_SINCE, error))?)
}

/// Returns the time limits of a shop with these settings. An effect that is a minute late counts as a violation.
pub fn bounds(settings: &Settings) -> anyhow::Result<Bounds> {
    let configured = |variable| settings.get(variable).map(humantime::parse_duration).transpose();
    let Bounds { build, step, hold, grace } = Bounds::default();
    let [build_max, move_every, loan_hold] = TIME_LIMITS;
    let build = configured(build_max)?.unwrap_or(build);
    let step = configured(move_every)?.unwrap_or(step);
    let hold = configured(loan_hold)?.unwrap_or(hold);
    Ok(Bounds { build, step, hold, grace })
}

/// Opens a connection in a repeatable-read transaction, which ends with the connection.
async fn snapshot(databases: &Databases, service: &'static Service) -> anyhow::Result<PgConnection> {
    let connected = databases.get(service)?.connect().await;
    let mut snapshot = connected.with_context(|| format!("reading the database of {service}"))?;
    for statement in ["begin isolation level repeatable read read only", "set local statement_timeout = 0"] {
        sqlx::query(statement).execute(&mut snapshot).await?;
    }
    Ok(snapshot)
}

pub(crate) fn joined(parts: impl IntoIterator<Item = Facts>) -> Facts {
    let mut all = Facts::default();
    for mut part in parts {
        // Every field is either joined or listed as one that no database provides.
        macro_rules! join {
            ($($rows:ident),*; but $($not:ident),*) => {{
                let Facts { at, kept_since, $($rows),*, $($not: _),* } = &mut part;
                $(all.$rows.append($rows);)*
                all.at = all.at.max(*at);
                all.kept_since = all.kept_since.or(*kept_since);
            }};
        }
        join!(
            orders,
            acknowledged,
            payments,
            partial_refunds,
            ledger,
            balances,
            credits,
            completions,
            parts,
            restocks,
            reservations,
            builds,
            notifications,
            deliveries,
            couriers,
            places,
            customers,
            customer_versions,
            loans,
            personal,
            outbox,
            inboxes,
            discarded,
            unread;
            but bounds, books, all_books, intake, action_log, logs, dead_letters, told, refused, poison, probes,
            positions
        );
    }
    all
}
