//! The facts that an audit checks, as plain rows.

mod actions;
mod customers;
mod delivery;
mod events;
mod intake;
mod state;

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use self::{
    actions::{Action, ActionLog, Checkpoint, Link, Signature},
    customers::{Credit, Customer, CustomerVersion, KycStatus, Loan, LoanStatus, Personal},
    delivery::{Courier, Delivery, DeliveryState, StoragePlace, status_event},
    events::{
        Completion, DeadLetter, DeadLetters, Discarded, Inbox, Kind, Log, OutboxRow, Position, Received, Record,
        events_of, kind,
    },
    intake::{Intake, IntakeOrder, IntakeRecord, Unread, digest},
    state::{
        Balance, Build, BuildStatus, Entry, EntryKind, Notification, NotificationStatus, Order, OrderStatus, Part,
        PartialRefund, Payment, PaymentStatus, Reservation, ReservationStatus, Restock,
    },
};

/// All facts about a shop. Unknown facts are empty, or `None` where the difference matters.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub at: DateTime<Utc>,
    pub bounds: Bounds,
    /// Outbox and inbox rows older than this may have been removed; `None` if no rows were removed.
    pub kept_since: Option<DateTime<Utc>>,

    pub orders: Vec<Order>,
    pub payments: Vec<Payment>,
    pub partial_refunds: Vec<PartialRefund>,
    /// The entries of the providers' ledgers, which are independent of payment's own rows.
    pub ledger: Vec<Entry>,
    /// The balances that the built-in provider stores. `ledger` contains all charges and refunds that changed them.
    pub balances: Vec<Balance>,
    /// The providers whose ledgers are in `ledger`. For other providers, the audit trusts payment's own rows.
    pub books: Vec<String>,
    /// True if `books` names all providers.
    pub all_books: bool,
    pub parts: Vec<Part>,
    pub restocks: Vec<Restock>,
    pub reservations: Vec<Reservation>,
    pub builds: Vec<Build>,
    pub notifications: Vec<Notification>,
    pub deliveries: Vec<Delivery>,
    pub couriers: Vec<Courier>,
    pub places: Vec<StoragePlace>,
    pub customers: Vec<Customer>,
    pub customer_versions: Vec<CustomerVersion>,
    pub loans: Vec<Loan>,
    pub personal: Vec<Personal>,
    /// Payment's credits, one per reference.
    pub credits: Vec<Credit>,
    pub intake: Intake,
    /// The log of operators' actions, if it was read.
    pub action_log: Option<ActionLog>,

    pub outbox: Vec<OutboxRow>,
    /// The published outcomes of payment attempts, from payment's outbox and from the topic.
    pub completions: Vec<Completion>,
    pub inboxes: Vec<Inbox>,
    pub logs: Vec<Log>,
    pub dead_letters: Vec<DeadLetters>,
    /// Discarded dead letters, including those already pruned.
    pub discarded: Vec<Discarded>,

    /// The responses that clients received about their orders.
    pub acknowledged: Vec<Acknowledged>,
    /// The messages that arrived in chats, if known.
    pub told: Option<Vec<Told>>,
    /// The messages that the chat provider rejected permanently, if known.
    pub refused: Option<Vec<Told>>,
    /// The poison messages sent on purpose, if known.
    pub poison: Option<Vec<Poison>>,
    pub probes: Vec<Probe>,

    /// The databases that could not be read. An audit has none. In a receipt, the checks that need such a database stay
    /// open.
    pub unread: Vec<UnreadDatabase>,
    /// The offsets of consumers relative to events that they have not handled. Only receipts have them, as far as
    /// known.
    pub positions: Vec<Position>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadDatabase {
    pub service: &'static str,
    pub error: String,
}

/// Time limits of a healthy shop.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub build: Duration,
    pub step: Duration,
    /// A loan is held for this long for a user who is not a customer.
    pub hold: Duration,
    /// How late an effect may be before it counts as missing.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            build: Duration::from_secs(10),
            step: Duration::from_secs(1),
            hold: Duration::from_hours(24),
            grace: Duration::from_mins(1),
        }
    }
}

impl Facts {
    pub(crate) fn orders_by_uuid(&self) -> HashMap<Uuid, &Order> {
        self.orders.iter().map(|order| (order.uuid, order)).collect()
    }

    /// Returns the orders of the shop that have to be delivered.
    pub(crate) fn to_be_delivered(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.has_address)
    }

    /// Returns true for a payment of a provider whose ledger was not read: the audit trusts payment's own row.
    pub(crate) fn believes(&self, payment: &Payment) -> bool {
        payment.provider.as_ref().is_some_and(|provider| !self.books.contains(provider))
    }

    pub(crate) fn outbox_by_event(&self) -> HashMap<Uuid, &OutboxRow> {
        self.outbox.iter().map(|row| (row.event, row)).collect()
    }

    pub(crate) fn log_of(&self, kind: &str) -> Option<&Log> {
        self.logs.iter().find(|log| log.kind == kind)
    }

    pub(crate) fn letters(&self) -> impl Iterator<Item = &DeadLetter> {
        self.dead_letters.iter().flat_map(|topic| &topic.letters)
    }

    /// Returns true if rows of this age may have been removed.
    pub(crate) fn may_be_forgotten(&self, at: DateTime<Utc>) -> bool {
        self.kept_since.is_some_and(|since| at < since)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    pub order: Uuid,
    pub answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Created,
    Paid { transaction: Uuid },
    Cancelled,
}

/// A message that arrived in a chat, or that the provider rejected permanently.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Told {
    pub order: Uuid,
    /// The kind of the notification, such as `order_paid`.
    pub kind: String,
    pub chat: String,
}

/// A poison message sent on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Poison {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// A request within a session after its logout was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The request, such as `Whoami` or `GET /api/v1/orders`.
    pub place: String,
    /// The response to the request.
    pub answered: String,
    pub refused: bool,
}
