//! What is known of a shop, as plain rows.

mod clients;
mod events;
mod state;

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use self::{
    clients::{Acknowledged, Answer, Poison, Probe, Told},
    events::{DeadLetter, DeadLetters, Discarded, Inbox, Kind, Log, OutboxRow, Received, Record, kind},
    state::{
        Balance, Entry, EntryKind, Job, JobStatus, Notification, NotificationStatus, Order, OrderStatus, Part, Payment,
        PaymentStatus, Reservation, ReservationStatus, Restock,
    },
};

/// Everything that the invariants are held against. What is not known is empty, or nothing where that makes a difference.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// When they were gathered.
    pub at: DateTime<Utc>,
    pub bounds: Bounds,
    /// Rows of outbox and inbox that are older may have been removed; without it, all are there.
    pub kept_since: Option<DateTime<Utc>>,

    pub orders: Vec<Order>,
    pub payments: Vec<Payment>,
    /// The books of the payment providers, which payment's own rows do not enter.
    pub ledger: Vec<Entry>,
    /// The balances that the built-in provider keeps. Every entry with an account is in `ledger`.
    pub balances: Vec<Balance>,
    /// The providers whose books are in `ledger`. Of the others payment's own rows have to be believed.
    pub books: Vec<String>,
    /// True where there are no other providers: nobody has to be believed.
    pub all_books: bool,
    pub parts: Vec<Part>,
    pub restocks: Vec<Restock>,
    pub reservations: Vec<Reservation>,
    pub jobs: Vec<Job>,
    pub notifications: Vec<Notification>,

    pub outbox: Vec<OutboxRow>,
    pub inboxes: Vec<Inbox>,
    /// The topics that were read.
    pub logs: Vec<Log>,
    /// The dead-letter topics that were read.
    pub dead_letters: Vec<DeadLetters>,
    /// The dead letters that an operator put aside, also those that are in no topic any more.
    pub discarded: Vec<Discarded>,

    /// What clients were told of their orders.
    pub acknowledged: Vec<Acknowledged>,
    /// What arrived in chats, where that is known.
    pub told: Option<Vec<Told>>,
    /// What the provider of chats refused for good, where that is known.
    pub refused: Option<Vec<Told>>,
    /// The poison that was sent on purpose, where that is known.
    pub poison: Option<Vec<Poison>>,
    /// Uses of sessions after their logout was acknowledged.
    pub probes: Vec<Probe>,
}

/// How long things may take in a shop that is well.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The longest that a ship is built.
    pub build: Duration,
    /// How much later than it is due something may happen.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { build: Duration::from_secs(10), grace: Duration::from_mins(1) }
    }
}

impl Facts {
    pub(crate) fn orders_by_uuid(&self) -> HashMap<Uuid, &Order> {
        self.orders.iter().map(|order| (order.uuid, order)).collect()
    }

    pub(crate) fn outbox_by_event(&self) -> HashMap<Uuid, &OutboxRow> {
        self.outbox.iter().map(|row| (row.event, row)).collect()
    }

    pub(crate) fn log_of(&self, kind: &str) -> Option<&Log> {
        self.logs.iter().find(|log| log.kind == kind)
    }

    /// Every dead letter.
    pub(crate) fn letters(&self) -> impl Iterator<Item = &DeadLetter> {
        self.dead_letters.iter().flat_map(|topic| &topic.letters)
    }

    /// True for what is so old that its rows may have been removed.
    pub(crate) fn may_be_forgotten(&self, at: DateTime<Utc>) -> bool {
        self.kept_since.is_some_and(|since| at < since)
    }
}
