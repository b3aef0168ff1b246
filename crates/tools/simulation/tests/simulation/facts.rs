//! Converts the contents of the in-memory stores to the auditor's facts.

use std::collections::BTreeSet;

use audit::{
    Facts,
    facts::{
        Balance, Build, BuildStatus, Completion, DeadLetter, DeadLetters, Entry, EntryKind, Inbox, Log, Order,
        OrderStatus, OutboxRow, Part, Payment, PaymentStatus, Poison, Received, Record, Reservation, ReservationStatus,
        Restock, kind,
    },
};
use chrono::{DateTime, Utc};
use contracts::{
    events::{self, Consumer, PaymentCompleted, Published as _, ROUTES},
    ids::UserId,
};
use inventory::{
    model::{Filter, Page},
    repository::Catalogue as _,
};
use outbox::inbox::MemoryInbox;
use payment::{
    client::{Lookup, Provider as _},
    model::{ChargeOutcome, ChargeState, Method},
};
use platform::{
    clock::Virtual,
    kafka::{Message, dead_letter_topic},
};
use uuid::Uuid;

use crate::{
    deliveries, refunds,
    shop::INITIAL_BALANCE,
    world::{World, locked},
};

/// Gathers all facts at the end of a run.
pub async fn gather(world: &World, clock: Virtual) -> Facts {
    let at = clock.now();
    let stores = &world.stores;
    let (deliveries, couriers, places) = deliveries::facts(world, at);
    let orders: Vec<Order> = stores.orders.all().into_iter().map(|order| self::order(world, order, at)).collect();
    Facts {
        at,
        ledger: ledger(world).await,
        balances: balances(world),
        books: vec!["ledger".to_owned()],
        payments: payments(world),
        partial_refunds: refunds::facts(world, at),
        parts: parts(world).await,
        reservations: reservations(world),
        restocks: Vec::<Restock>::new(),
        builds: stores.builds.all().iter().map(build).collect(),
        deliveries,
        couriers,
        places,
        outbox: outbox(world, at),
        completions: completions(world),
        inboxes: inboxes(world),
        logs: logs(world, at),
        dead_letters: dead_letters(world, at),
        acknowledged: locked(&stores.acknowledged).clone(),
        poison: Some(poison(world)),
        orders,
        ..Facts::default()
    }
}

fn order(world: &World, order: order::model::Order, at: DateTime<Utc>) -> Order {
    Order {
        uuid: order.uuid.uuid(),
        user: order.user.uuid(),
        status: OrderStatus::parse(order.status.as_str()).expect("a status"),
        total: order.total_price.minor(),
        parts: order.parts.into_iter().map(contracts::ids::PartId::uuid).collect(),
        transaction: order.payment.map(|(_, transaction)| transaction.uuid()),
        has_address: order.delivery_address.is_some(),
        delivery_status: order.delivery.map(|delivery| delivery.status.as_str().to_owned()),
        attempt: order.attempt.map(|attempt| attempt.number.into()),
        pay_until: order.created_at + world.stores.pay_within,
        created_at: order.created_at,
        updated_at: at,
    }
}

/// Returns the provider's ledger from the provider itself, not from payment's rows.
async fn ledger(world: &World) -> Vec<Entry> {
    let mut entries = Vec::new();
    let intents = locked(&world.stores.charge_requests).clone();
    for intent in intents.values() {
        let Ok(Lookup::Known(ChargeState::Settled(outcome))) = world.stores.books.find(intent, None).await else {
            continue;
        };
        let kind = match outcome {
            ChargeOutcome::Charged { .. } => EntryKind::Charge,
            ChargeOutcome::Declined(_) => EntryKind::Decline,
        };
        let (key, amount) = (intent.transaction.to_string(), intent.amount.minor());
        entries.push(Entry {
            key,
            kind,
            order: intent.order.uuid(),
            amount,
            account: account(intent.method, intent.user),
        });
    }
    let movements = world.stores.books.movements().into_iter();
    entries.extend(movements.filter_map(|movement| {
        let account = account(movement.method, movement.user);
        let (order, amount) = (movement.order.uuid(), movement.amount.minor());
        Some(Entry { key: movement.refund?, kind: EntryKind::Refund, order, amount, account })
    }));
    entries
}

fn account(method: Method, user: UserId) -> Option<Uuid> {
    (method == Method::InvestorMoney).then_some(user.uuid())
}

/// Returns the balances of all users who have tried to pay.
fn balances(world: &World) -> Vec<Balance> {
    let users: BTreeSet<UserId> = locked(&world.stores.charge_requests).values().map(|intent| intent.user).collect();
    let balance = |user: UserId| {
        let current = world.stores.books.balance(user);
        Balance { user: user.uuid(), initial: INITIAL_BALANCE, current }
    };
    users.into_iter().map(balance).collect()
}

fn payments(world: &World) -> Vec<Payment> {
    let payment = |payment: payment::model::Payment| {
        use payment::model::Status;
        let decline_reason = match payment.status {
            Status::Declined(decline) => Some(decline.as_str().to_owned()),
            _ => None,
        };
        let is_refund_accepted =
            matches!(&payment.status, Status::Refunding { request, .. } if request.reference.is_some());
        let status = match payment.status {
            Status::Pending { .. } => PaymentStatus::Pending,
            Status::Succeeded { .. } => PaymentStatus::Succeeded,
            Status::Declined(_) => PaymentStatus::Declined,
            Status::Refunding { .. } => PaymentStatus::Refunding,
            Status::Refunded { .. } => PaymentStatus::Refunded,
        };
        Payment {
            transaction: payment.intent.transaction.uuid(),
            order: payment.intent.order.uuid(),
            attempt: Some(payment.intent.attempt.into()),
            user: Some(payment.intent.user.uuid()),
            provider: Some(payment.intent.provider.as_str().to_owned()),
            reference: None,
            amount: Some(payment.intent.amount.minor()),
            partially_refunded: payment.partially_refunded.minor(),
            status,
            is_refund_accepted,
            decline_reason,
            cancelled: payment.cancelled,
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    };
    let void = |order: Uuid| Payment::void(order, order, DateTime::UNIX_EPOCH);
    let rows = world.stores.payments.all().into_iter().map(payment);
    rows.chain(world.stores.payments.void().into_iter().map(|order| void(order.uuid()))).collect()
}

async fn parts(world: &World) -> Vec<Part> {
    let (parts, _) = world.stores.inventory.list(&Filter::default(), Page::default()).await.expect("parts");
    let lent = locked(&world.stores.lent).clone();
    let part = |part: inventory::model::Part| {
        let lent = lent.get(&part.id.uuid()).copied().unwrap_or_default();
        Part {
            uuid: part.id.uuid(),
            name: part.name,
            initial: part.stock.initial,
            restocked: part.stock.restocked - lent,
            available: part.stock.available - lent,
            reserved: part.stock.reserved,
            consumed: part.stock.consumed,
        }
    };
    parts.into_iter().map(part).collect()
}

fn reservations(world: &World) -> Vec<Reservation> {
    use inventory::model::Status;
    let all = world.stores.inventory.reservations().into_iter();
    all.map(|(order, kept)| Reservation {
        order: order.uuid(),
        status: match kept.status {
            Status::Held => ReservationStatus::Held,
            Status::Confirmed => ReservationStatus::Confirmed,
            Status::Released => ReservationStatus::Released,
            Status::Committed => ReservationStatus::Committed,
            Status::Expired => ReservationStatus::Expired,
        },
        items: kept.items.iter().map(|item| (item.part.uuid(), item.quantity)).collect(),
        price: kept.items.iter().map(|item| item.unit_price.minor() * item.quantity).sum(),
        expires_at: kept.expires_at,
        first_ended_at: kept.first_ended_at,
        updated_at: kept.updated_at,
    })
    .collect()
}

fn build(build: &assembly::model::Build) -> Build {
    Build {
        order: build.order.uuid(),
        status: BuildStatus::parse(build.status.as_str()).expect("a status"),
        started_at: build.started_at,
        due_at: build.due_at,
    }
}

fn outbox(world: &World, at: DateTime<Utc>) -> Vec<OutboxRow> {
    let stores = &world.stores;
    stores
        .outboxes()
        .into_iter()
        .flat_map(|(service, outbox)| {
            outbox.events().into_iter().map(move |(event, published)| (service, event, published))
        })
        .map(|(service, event, published)| OutboxRow {
            service,
            event: event.uuid,
            kind: kind(event.kind),
            key: event.key,
            created_at: at,
            published_at: published.then_some(at),
            set_aside_at: None,
            payload_digest: None,
        })
        .collect()
}

fn completions(world: &World) -> Vec<Completion> {
    let events = world.stores.payments.outbox.events().into_iter().map(|(event, _)| event);
    let written = events.filter(|event| event.kind == PaymentCompleted::TYPE).map(|event| event.payload);
    let records = world.broker.records(world.broker.topics.of::<PaymentCompleted>()).into_iter();
    let payloads = written.chain(records.map(|(_, _, record)| record.payload));
    let read = |payload| events::read(&Message { payload, ..Message::default() }).ok().and_then(Completion::from_event);
    payloads.filter_map(read).collect()
}

fn inboxes(world: &World) -> Vec<Inbox> {
    let consumers = ROUTES.iter().flat_map(events::Route::inboxes);
    let inbox = |consumer: &Consumer| {
        let inbox = world.stores.inbox(consumer.service)?;
        let rows = received(inbox, consumer.group);
        Some(Inbox { service: consumer.service, consumer: consumer.group.to_owned(), rows })
    };
    consumers.filter_map(inbox).collect()
}

/// Returns the consumer groups whose services are not simulated. They handle nothing, which the auditor reports.
pub fn groups_of_services_that_do_not_run(world: &World) -> Vec<&'static str> {
    let consumers = ROUTES.iter().flat_map(|route| route.consumers);
    consumers.filter(|consumer| world.stores.inbox(consumer.service).is_none()).map(|consumer| consumer.group).collect()
}

fn received(inbox: &MemoryInbox, group: &str) -> Vec<Received> {
    inbox.received(group).into_iter().map(|(event, at)| Received { event, at }).collect()
}

fn logs(world: &World, at: DateTime<Utc>) -> Vec<Log> {
    let log = |route: &contracts::events::Route| {
        let topic = route.topic(&world.broker.topics);
        let record = |(partition, offset, record): (usize, usize, outbox::Record)| Record {
            partition: i32::try_from(partition).unwrap_or_default(),
            offset: i64::try_from(offset).unwrap_or_default(),
            event: record.headers.get("event-uuid").and_then(|uuid| uuid.parse().ok()),
            kind: record.headers.get("event-type").map(|name| kind(name)),
            key: str::from_utf8(&record.key).ok().and_then(|key| key.parse().ok()),
            at,
        };
        // A topic may carry several types. A record of an unknown type counts for the first type.
        let first = ROUTES.iter().find(|other| other.topic(&world.broker.topics) == topic).map(|first| first.kind);
        let is_own = |record: &Record| {
            let named = ROUTES.iter().find(|other| record.kind == Some(kind(other.kind))).map(|other| other.kind);
            named.or(first) == Some(route.kind)
        };
        let records = world.broker.records(topic).into_iter().map(record).filter(is_own).collect();
        Log { topic: topic.to_owned(), kind: kind(route.kind), complete_since: None, records }
    };
    ROUTES.iter().map(log).collect()
}

fn dead_letters(world: &World, at: DateTime<Utc>) -> Vec<DeadLetters> {
    let letters = world.broker.letters();
    let topics = world.broker.topics.all().into_iter();
    topics
        .map(|topic| DeadLetters {
            topic: dead_letter_topic(topic),
            letters: (0..)
                .zip(letters.iter().filter(|letter| letter.message.topic == topic))
                .map(|(number, letter)| DeadLetter {
                    id: format!("{}/0/{number}", dead_letter_topic(topic)),
                    given_up_at: at,
                    topic: topic.to_owned(),
                    partition: letter.message.partition,
                    offset: letter.message.offset,
                    is_current: true,
                    group: letter.group.to_owned(),
                    event: letter.message.headers.get("event-uuid").and_then(|uuid| uuid.parse().ok()),
                    error: letter.error.clone(),
                })
                .collect(),
        })
        .collect()
}

fn poison(world: &World) -> Vec<Poison> {
    let sent = world.broker.poison().into_iter();
    sent.map(|(topic, partition, offset)| Poison {
        topic,
        partition: i32::try_from(partition).unwrap_or_default(),
        offset: i64::try_from(offset).unwrap_or_default(),
    })
    .collect()
}
