//! The facts of a consistent shop with four orders, one for each course of an order.

use std::time::Duration;

use audit::{
    Facts,
    facts::{
        Acknowledged, ActionLog, Answer, Balance, Build, BuildStatus, Completion, Courier, Credit, Customer,
        CustomerVersion, DeadLetters, Delivery, DeliveryState, Entry, EntryKind, Inbox, Intake, KycStatus, Loan,
        LoanStatus, Log, Notification, NotificationStatus, Order, OrderStatus, OutboxRow, Part, Payment, PaymentStatus,
        Probe, Received, Record, Reservation, ReservationStatus, Restock, StoragePlace, kind, status_event,
    },
};
use contracts::events::{
    AssemblyFailed, CustomerCreated, CustomerUpdated, DeliveryStatusUpdated, OrderCancelled,
    OrderCompletedIntegrationEvent, OrderCreated, OrderCreatedIntegrationEvent, OrderPaid, PaymentCompleted,
    Published as _, ROUTES, ShipAssembled, Topics,
};
use uuid::Uuid;

use crate::fixture::{
    BUILT, COURIER, CUSTOMER, INITIAL, LEFT, LENT, LOAN, OPEN, PART, PLACE, PRICE, REFUNDED, USER, event, inbox, log,
    now, then, transaction,
};

pub fn shop() -> Facts {
    let intake = Intake { partitions: 3, ..Intake::default() };
    let mut facts = Facts {
        at: now(),
        books: vec!["ledger".to_owned()],
        intake,
        action_log: Some(ActionLog::default()),
        ..Facts::default()
    };
    let topics = Topics::default();
    for route in &ROUTES {
        let topic = route.topic(&topics).to_owned();
        if !route.consumers.is_empty() {
            facts.dead_letters.push(DeadLetters { topic: format!("{topic}.dlq"), letters: Vec::new() });
        }
        facts.logs.push(Log { topic, kind: kind(route.kind), complete_since: None, records: Vec::new() });
        for consumer in route.consumers {
            facts.inboxes.push(Inbox {
                service: consumer.service,
                consumer: consumer.group.to_owned(),
                rows: Vec::new(),
            });
        }
    }
    for (uuid, status) in [
        (OPEN, OrderStatus::Pending),
        (BUILT, OrderStatus::Assembled),
        (LEFT, OrderStatus::Cancelled),
        (REFUNDED, OrderStatus::Cancelled),
    ] {
        order(&mut facts, uuid, status);
    }
    pay(&mut facts, BUILT, PaymentStatus::Succeeded);
    pay(&mut facts, REFUNDED, PaymentStatus::Refunded);
    facts.balances.push(Balance { user: USER, initial: INITIAL, current: INITIAL - PRICE });
    build(&mut facts, BUILT, BuildStatus::Assembled);
    build(&mut facts, REFUNDED, BuildStatus::Failed);
    deliver(&mut facts, BUILT);
    cancel(&mut facts, LEFT);
    cancel(&mut facts, REFUNDED);
    // The courses above need not name each event.
    for route in ROUTES.iter().filter(|route| route.is_of_order()) {
        if log(&mut facts, route.kind).records.is_empty() {
            publish(&mut facts, BUILT, route.kind);
        }
    }
    facts.parts.push(Part {
        uuid: PART,
        name: "Main Engine".to_owned(),
        initial: 10,
        restocked: 5,
        available: 13,
        reserved: 1,
        consumed: 1,
    });
    facts.restocks.push(Restock { part: PART, quantity: 5, unsigned: Vec::new() });
    lend(&mut facts);
    for place in ["Whoami", "GET /api/v1/orders"] {
        facts.probes.push(Probe { place: place.to_owned(), answered: "401".to_owned(), refused: true });
    }
    facts
}

fn order(facts: &mut Facts, uuid: Uuid, status: OrderStatus) {
    facts.orders.push(Order {
        uuid,
        user: USER,
        status,
        total: PRICE,
        parts: vec![PART],
        transaction: [BUILT, REFUNDED].contains(&uuid).then(|| transaction(uuid)),
        has_address: uuid == BUILT,
        delivery_status: (uuid == BUILT).then(|| "DELIVERED".to_owned()),
        attempt: None,
        pay_until: now() + Duration::from_mins(10),
        created_at: then(),
        updated_at: then(),
    });
    facts.reservations.push(Reservation {
        order: uuid,
        status: match status {
            OrderStatus::Pending | OrderStatus::Paid => ReservationStatus::Confirmed,
            OrderStatus::Assembled => ReservationStatus::Committed,
            OrderStatus::Cancelled => ReservationStatus::Released,
        },
        items: vec![(PART, 1)],
        price: PRICE,
        expires_at: None,
        first_ended_at: (status != OrderStatus::Pending && status != OrderStatus::Paid).then(then),
        updated_at: then(),
    });
    facts.acknowledged.push(Acknowledged { order: uuid, answer: Answer::Created });
    publish(facts, uuid, OrderCreated::TYPE);
}

fn pay(facts: &mut Facts, order: Uuid, status: PaymentStatus) {
    let (transaction, account) = (transaction(order), Some(USER));
    facts.payments.push(Payment {
        transaction,
        order,
        attempt: Some(1),
        user: account,
        provider: Some("ledger".to_owned()),
        reference: Some(transaction.to_string()),
        amount: Some(PRICE),
        partially_refunded: 0,
        status,
        is_refund_accepted: false,
        decline_reason: None,
        cancelled: status == PaymentStatus::Refunded,
        created_at: then(),
        updated_at: then(),
    });
    facts.ledger.push(Entry { key: transaction.to_string(), kind: EntryKind::Charge, order, amount: PRICE, account });
    if status == PaymentStatus::Refunded {
        let key = format!("{transaction}-refund");
        facts.ledger.push(Entry { key, kind: EntryKind::Refund, order, amount: PRICE, account });
    }
    facts.acknowledged.push(Acknowledged { order, answer: Answer::Paid { transaction } });
    facts.completions.push(Completion {
        event: event(order, PaymentCompleted::TYPE),
        order,
        attempt: 1,
        transaction,
        amount: PRICE,
        status: "SUCCESS".to_owned(),
    });
    publish(facts, order, PaymentCompleted::TYPE);
    publish(facts, order, OrderPaid::TYPE);
}

fn build(facts: &mut Facts, order: Uuid, status: BuildStatus) {
    facts.builds.push(Build { order, status, started_at: then(), due_at: then() });
    if status == BuildStatus::Assembled {
        publish(facts, order, ShipAssembled::TYPE);
    } else {
        publish(facts, order, AssemblyFailed::TYPE);
    }
}

fn cancel(facts: &mut Facts, order: Uuid) {
    if order == LEFT {
        facts.acknowledged.push(Acknowledged { order, answer: Answer::Cancelled });
        facts.payments.push(Payment::void(transaction(order), order, then()));
    }
    publish(facts, order, OrderCancelled::TYPE);
}

/// Adds the completed delivery of an order.
fn deliver(facts: &mut Facts, order: Uuid) {
    facts.deliveries.push(Delivery {
        order,
        state: DeliveryState::Completed,
        status: Some("DELIVERED".to_owned()),
        user: Some(USER),
        delivery: Some(Uuid::new_v5(&order, b"delivery")),
        volume: Some(1),
        courier: Some(COURIER),
        steps: Some(7),
        created_at: then(),
        waiting_since: Some(then()),
        updated_at: then(),
    });
    facts.couriers.push(Courier { uuid: COURIER, order: None });
    facts.places.push(StoragePlace { uuid: PLACE, courier: COURIER, total_volume: 10, order: None });
    for status in ["PENDING", "IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED"] {
        publish_as(facts, order, DeliveryStatusUpdated::TYPE, status_event(order, status));
    }
    publish(facts, order, OrderCreatedIntegrationEvent::TYPE);
    publish(facts, order, OrderCompletedIntegrationEvent::TYPE);
    tell(facts, order, "ship_delivered");
}

/// Adds a customer who was verified, whose loan was credited, and who was then rejected. Also adds a loan of a user who
/// is not a customer.
fn lend(facts: &mut Facts) {
    let statuses = [KycStatus::Pending, KycStatus::Verified, KycStatus::Rejected];
    let mut before = None;
    for (number, status) in (1..).zip(statuses) {
        let version = CustomerVersion { customer: CUSTOMER, version: number, status, is_signed: true, at: then() };
        let kind = if before.is_none() { CustomerCreated::TYPE } else { CustomerUpdated::TYPE };
        publish_as(facts, CUSTOMER, kind, version.event(before));
        facts.customer_versions.push(version);
        before = Some(status);
    }
    facts.customers.push(Customer { uuid: CUSTOMER, status: KycStatus::Rejected, version: 3, has_profile: true });
    let loan = |id: &str, customer, status, version, credited_at| Loan {
        id: id.to_owned(),
        customer,
        amount: LENT,
        status,
        version,
        since: then(),
        credited_at,
        is_uncreditable: false,
    };
    facts.loans.push(loan(LOAN, CUSTOMER, LoanStatus::Credited, Some(2), Some(then())));
    facts.loans.push(loan("late", CUSTOMER, LoanStatus::Refused, Some(3), None));
    facts.loans.push(loan("early", Uuid::from_u128(62), LoanStatus::Held, None, None));
    facts.credits.push(Credit { reference: LOAN.to_owned(), user: CUSTOMER, amount: LENT });
    facts.balances.push(Balance { user: CUSTOMER, initial: INITIAL, current: INITIAL + LENT });
}

/// Adds an event to its producer's outbox, its topic and its consumers' inboxes, and the notification of it. Of a
/// delivery's statuses only one has a notification, which [`deliver`] adds.
fn publish(facts: &mut Facts, order: Uuid, name: &str) {
    publish_as(facts, order, name, event(order, name));
}

fn publish_as(facts: &mut Facts, order: Uuid, name: &str, event: Uuid) {
    let route = ROUTES.iter().find(|route| route.kind == name).expect("the shop has it");
    facts.outbox.push(OutboxRow {
        service: route.producer,
        event,
        kind: kind(name),
        key: order,
        created_at: then(),
        published_at: Some(then()),
        set_aside_at: None,
        payload_digest: Some("c0ffee".to_owned()),
    });
    let log = facts.logs.iter_mut().find(|log| log.kind == name).expect("the shop has it");
    let offset = i64::try_from(log.records.len()).expect("the shop has it");
    let record =
        Record { partition: 0, offset, event: Some(event), kind: Some(kind(name)), key: Some(order), at: then() };
    log.records.push(record);
    for consumer in route.consumers {
        inbox(facts, consumer.group).rows.push(Received { event, at: then() });
        if consumer.service == "notification" && name != DeliveryStatusUpdated::TYPE {
            tell(facts, order, &Notification::kind_of(name));
        }
    }
}

fn tell(facts: &mut Facts, order: Uuid, kind: &str) {
    facts.notifications.push(Notification {
        order,
        kind: kind.to_owned(),
        status: NotificationStatus::Sent,
        chat: Some("chat".to_owned()),
        attempts: 1,
        ambiguous: false,
        sent_at: Some(then()),
        created_at: then(),
        queued_at: None,
    });
}
