//! Receipts of single orders: reads the facts of an order from all databases, and checks the audit's invariants over
//! them.
//!
//! Each database is read in one transaction on a kept connection. Every statement uses an index, so a receipt costs the
//! same however many orders there are. Topics are not scanned: the caller has the order's records.

mod connections;
mod positions;
mod records;

use std::time::Duration;

use audit::{
    Facts, Receipt,
    facts::{Bounds, Discarded, Position, UnreadDatabase, events_of},
    receipt::{Unhandled, narrowed, unhandled},
};
use chrono::{DateTime, TimeDelta};
use contracts::events::Topics;
use futures::future::join_all;
use platform::{clock, config::Settings, kafka, server::service::Service};
use sqlx::PgConnection;
use uuid::Uuid;

use self::connections::Connections;
pub use self::records::{Records, SeenRecord};
use crate::{
    SERVICE,
    facts::{self, joined, messaging},
    readers,
    registry::{of_orders, reader_of},
    repository::resolved_letters::discarded_of,
};

/// The maximum number of reads of an order, to see a violation in two equal reads.
const MAX_READS: usize = 4;
/// If an event is unhandled for longer than this, the committed offset of its consumer is read from the broker. Most
/// events are handled sooner.
const LATE_AFTER: TimeDelta = TimeDelta::seconds(1);
/// The delay between two reads, in which a short step of the order can end.
const READ_DELAY: Duration = Duration::from_millis(20);

/// A reader of receipts. It keeps at most one connection to each database.
pub struct Receipts {
    connections: Connections,
    kafka: kafka::Config,
    topics: Topics,
    bounds: Bounds,
    is_for_operators: bool,
}

impl Receipts {
    /// Creates a reader that connects lazily. PostgreSQL shows `tool`, such as `shipyard-operations`, as the
    /// application name. Fails if a `<SERVICE>_DATABASE_URL` is missing.
    pub fn from_settings(tool: &str, settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            connections: Connections::new(tool, of_orders().chain([&SERVICE]), settings)?,
            kafka: kafka::Config::load(settings)?,
            topics: settings.read()?,
            bounds: facts::bounds(settings)?,
            is_for_operators: false,
        })
    }

    /// Makes receipts name the operators who discarded dead letters, and their reasons, which customers do not see.
    #[must_use]
    pub fn for_operators(self) -> Self {
        Self { is_for_operators: true, ..self }
    }

    /// Returns the receipt of an order; `None` if there is no such order.
    ///
    /// If a database cannot be read, the checks that need it stay open. The databases are read concurrently, so a
    /// change in between may look like a violation: a violation counts only if two successive reads are equal, and if
    /// the order's discarded dead letters, from which it may follow, were read.
    pub async fn receipt(&self, order: Uuid, records: &Records) -> Option<Receipt> {
        let mut facts = self.facts(order, records).await;
        if facts.orders.is_empty() && !facts.unread.iter().any(|unread| unread.service == order::SERVICE.name) {
            return None;
        }
        let mut is_broker_there = true;
        for _ in 1..MAX_READS {
            let late = Self::late(&facts, order, records);
            if late.is_empty() && audit::receipt(&facts, order).violated().next().is_none() {
                break;
            }
            // The offsets are read before the inboxes: an event that its consumer had passed by then is in the inbox.
            let positions = if is_broker_there { self.positions(late, records).await } else { None };
            is_broker_there = positions.is_some();
            let again = self.facts(order, records).await;
            let is_same = is_same(order, &facts, &again);
            facts = Facts { positions: positions.unwrap_or_default(), ..again };
            if is_same {
                let receipt = audit::receipt(&facts, order);
                let are_letters_known = facts.unread.iter().all(|unread| unread.service != SERVICE.name);
                return Some(if are_letters_known { receipt } else { receipt.in_doubt() });
            }
            tokio::time::sleep(READ_DELAY).await;
        }
        Some(audit::receipt(&facts, order).in_doubt())
    }

    /// Returns the events that were published longer than [`LATE_AFTER`] ago, and that a consumer has not handled.
    fn late(facts: &Facts, order: Uuid, records: &Records) -> Vec<Unhandled> {
        let since = |one: &Unhandled| records.records.iter().find(|seen| seen.record.event == Some(one.event));
        let is_late = |one: &Unhandled| since(one).is_some_and(|seen| facts.at - seen.record.at > LATE_AFTER);
        unhandled(facts, order).into_iter().filter(is_late).collect()
    }

    async fn facts(&self, order: Uuid, records: &Records) -> Facts {
        let read = self.connections.services().map(async |service| {
            let reading = self.connections.read(service, async |database: &mut PgConnection| {
                self.facts_of(service, database, order, records).await
            });
            reading.await.unwrap_or_else(|error| {
                let unread = UnreadDatabase { service: service.name, error: format!("{error:#}") };
                Facts { unread: vec![unread], ..Facts::default() }
            })
        });
        let own = joined(join_all(read).await);
        Facts {
            at: if own.orders.is_empty() { clock::now() } else { own.at },
            bounds: self.bounds,
            books: vec![readers::payment::LEDGER.to_owned()],
            logs: records.logs(&self.topics),
            dead_letters: records.dead_letters(&self.topics),
            ..own
        }
    }

    async fn facts_of(
        &self,
        service: &'static Service,
        database: &mut PgConnection,
        order: Uuid,
        records: &Records,
    ) -> anyhow::Result<Facts> {
        if *service == SERVICE {
            let letters = discarded_of(database, order).await?;
            let discarded = if self.is_for_operators { letters } else { for_customers(letters) };
            return Ok(Facts { discarded, ..Facts::default() });
        }
        let own = match reader_of(service).and_then(|reader| reader.of_order) {
            Some(read) => read(database, order).await?,
            None => Facts::default(),
        };
        let mut kept_since = None;
        let mut attempts = own.payments.iter().filter_map(|payment| payment.attempt).max().unwrap_or_default();
        if service.name == order::SERVICE.name {
            attempts = readers::order::attempts(database, order).await?;
            kept_since = Some(messaging::kept_since(&self.kafka, own.at));
        }
        let possible = events_of(order, attempts).into_iter().map(|(_, event)| event);
        let events: Vec<Uuid> = possible.chain(records.events()).collect();
        let outbox = messaging::outbox_of(database, service, order, &events).await?;
        let inboxes = messaging::inboxes_of(database, service, &events).await?;
        Ok(Facts { outbox, inboxes, kept_since, ..own })
    }

    /// Returns the positions of the consumers of these events; `None` if the broker does not respond in time.
    async fn positions(&self, late: Vec<Unhandled>, records: &Records) -> Option<Vec<Position>> {
        let positions = positions::of(&self.kafka, late, records).await;
        positions
            .inspect_err(|error| tracing::warn!(error = format!("{error:#}"), "committed offsets of consumers unknown"))
            .ok()
    }
}

/// Removes the operators and their reasons.
fn for_customers(mut letters: Vec<Discarded>) -> Vec<Discarded> {
    for letter in &mut letters {
        (letter.who, letter.why) = ("an operator".to_owned(), "operators see the reason".to_owned());
    }
    letters
}

/// Returns true if the facts that an order's receipt checks are equal in two reads. Stock and the couriers of other
/// orders change all the time, and are ignored.
fn is_same(order: Uuid, one: &Facts, other: &Facts) -> bool {
    let shown = |facts: &Facts| {
        let own = narrowed(facts, order);
        let rows = Facts { at: DateTime::UNIX_EPOCH, kept_since: None, positions: Vec::new(), ..own };
        format!("{rows:?}")
    };
    shown(one) == shown(other)
}

#[cfg(test)]
mod tests {
    use audit::facts::{Courier, Part};

    use super::*;

    #[test]
    fn stock_and_couriers_of_other_orders_change_nothing_of_an_order() {
        let (order, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let part = Part {
            uuid: Uuid::from_u128(3),
            name: "Wing".to_owned(),
            initial: 9,
            restocked: 0,
            available: 9,
            reserved: 0,
            consumed: 0,
        };
        let courier = |number, order| Courier { uuid: Uuid::from_u128(number), order };
        let facts = |first, second, available| Facts {
            couriers: vec![courier(4, first), courier(5, second)],
            parts: vec![Part { available, reserved: 9 - available, ..part.clone() }],
            ..Facts::default()
        };
        let before = facts(Some(order), None, 9);

        assert!(is_same(order, &before, &facts(Some(order), Some(other), 8)));
        assert!(!is_same(order, &before, &facts(None, None, 9)));
    }

    #[test]
    fn a_customer_sees_neither_who_discarded_a_letter_nor_why() {
        let letter = Discarded {
            letter: "order.paid.dlq/0/1".to_owned(),
            given_up_at: DateTime::UNIX_EPOCH,
            group: "assembly-group-order-paid".to_owned(),
            event: None,
            order: Some(Uuid::from_u128(1)),
            who: "ann".to_owned(),
            why: "the customer is a friend".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };

        let shown = for_customers(vec![letter]);

        let shown: Vec<_> = shown.iter().map(|one| (&*one.letter, &*one.who, &*one.why)).collect();
        assert_eq!(shown, [("order.paid.dlq/0/1", "an operator", "operators see the reason")]);
    }
}
