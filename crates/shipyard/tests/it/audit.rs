//! `shipyard audit` of a running shop: a consistent shop passes, and each corrupted row is found.

use std::{collections::BTreeSet, time::Duration};

use contracts::{
    events::{PaymentCompleted, ROUTES, Topics, record},
    proto::payment::v1::{RefundPartiallyRequest, RefundReason, payment_service_client::PaymentServiceClient},
};
use platform::server::service::Service;
use serde_json::{Value, json};
use tonic::Request;
use uuid::Uuid;

use crate::{
    crashes::MESSAGES,
    customer::{Customer, ORDERS},
    operator,
    system::System,
};

#[tokio::test]
async fn an_audit_counts_what_happened_and_finds_the_rows_that_were_spoilt() {
    let system = System::start().await;
    let (nothing_yet, empty) = audit(&system, "5s").await;
    let customer = Customer::new(&system).await;
    let part = customer.part("Thruster").await.uuid;
    let built = buy(&customer, &part).await;
    let cancelled = customer.order(&[&part, &part]).await;
    customer.cancel(cancelled).await.success(204);
    let open = customer.order(&[&part]).await;
    customer.until(built, "ASSEMBLED").await;
    give_back(&system, built).await;

    let (well, report) = audit(&system, "20s").await;

    assert!(!nothing_yet, "an audit that finds nothing to look at does not pass: {empty}");
    assert!(well, "{report}");
    assert_eq!(verdicts(&report), ["holds"; 14], "{report}");
    // The built order has a payment, a charge, a partial refund, a reservation, a job and messages; the cancelled order
    // has a message.
    let rows = 5 + MESSAGES.len() as u64 + 1;
    assert_eq!(counted(&report, 1), [3, 2, 3, rows], "{report}");
    assert_eq!(counted(&report, 2)[3], 1, "a partial refund: {report}");
    // Three times OrderCreated, and once each PaymentCompleted, OrderPaid, ShipAssembled, OrderCancelled, and
    // UserErased of the first audit's user, whom the audit has not left behind.
    assert_eq!(counted(&report, 4), [8, 0, 8, 0, 0], "{report}");
    let topics: BTreeSet<String> = ROUTES.iter().map(|route| route.topic(&Topics::default()).to_owned()).collect();
    assert_eq!(counted(&report, 8), [topics.len() as u64, 0], "{report}");
    assert_eq!(report["under_way"], json!([]));

    let event = record(built, PaymentCompleted { attempt: 1, ..PaymentCompleted::default() }).uuid;
    let statement = "delete from inbox where consumer = 'order-group-payment-completed' and event_uuid = $1";
    spoil(&system, &order::SERVICE, statement, event).await;
    let given_up = async {
        until_audited(&system).await;
        operator::discard(&system, built, "order-group-payment-completed", event).await;
    };
    let ((_, report), ()) = tokio::join!(audit(&system, "20s"), given_up);
    assert_eq!(report["under_way"], json!([]), "no consumer will handle an event whose letter was discarded");

    for (service, order, statement, number) in [
        (&order::SERVICE, open, "update outbox set key = gen_random_uuid() where key = $1", 1),
        (
            &payment::SERVICE,
            built,
            "update balances set balance = balance + 1
            where user_uuid in (select user_uuid from ledger_entries where order_uuid = $1)",
            2,
        ),
        (
            &payment::SERVICE,
            built,
            "insert into ledger_entries (key, kind, order_uuid, user_uuid, method, amount)
            select key || 'again', kind, order_uuid, user_uuid, method, amount from ledger_entries where order_uuid = $1",
            2,
        ),
        (
            &payment::SERVICE,
            built,
            "update partial_refunds set amount = partial_refunds.amount + 1
            from payments where payments.transaction_uuid = partial_refunds.transaction_uuid and order_uuid = $1",
            2,
        ),
        (
            &payment::SERVICE,
            built,
            "update partial_refunds set decided_by = null
            from payments where payments.transaction_uuid = partial_refunds.transaction_uuid and order_uuid = $1",
            2,
        ),
        (&payment::SERVICE, built, "update payments set amount = amount + 1 where order_uuid = $1", 10),
        (&inventory::SERVICE, built, "update reservations set status = 'released' where order_uuid = $1", 3),
        (&order::SERVICE, built, "delete from outbox where key = $1", 4),
        (&notification::SERVICE, built, "update notifications set chat = null where order_uuid = $1", 6),
        (
            &order::SERVICE,
            open,
            "update orders set pay_until = now() - interval '1 hour', attempt = 1, attempt_method = 'CARD',
                attempt_next_at = now() + interval '1 hour'
            where uuid = $1",
            7,
        ),
    ] {
        spoil(&system, service, statement, order).await;

        let (well, report) = audit(&system, "0s").await;

        assert!(!well && verdicts(&report)[number - 1] == "broken", "{statement}: {report}");
    }
}

/// Orders and pays under idempotency keys, so that the databases store the responses.
async fn buy(customer: &Customer, part: &str) -> Uuid {
    let body = json!({ "user_uuid": customer.user, "part_uuids": [part] });
    let created = customer.post_once("order", ORDERS, body).await.unwrap().success(201);
    let order: Uuid = created["order_uuid"].as_str().unwrap().parse().unwrap();
    let method = json!({ "payment_method": "INVESTOR_MONEY" });
    customer.post_once("pay", &format!("{ORDERS}/{order}/pay"), method).await.unwrap().success(200);
    order
}

/// Refunds part of the order's charge, as an operator.
async fn give_back(system: &System, order: Uuid) {
    let session = operator::session(system).await;
    let mut request = Request::new(RefundPartiallyRequest {
        order_uuid: order.to_string(),
        reference: "late".to_owned(),
        amount_minor: 100,
        reason: RefundReason::Goodwill.into(),
    });
    request.metadata_mut().insert("session-uuid", session.parse().unwrap());
    let url = format!("http://{}", system.address(&payment::SERVICE));
    let mut payments = PaymentServiceClient::connect(url).await.unwrap();
    assert!(payments.refund_partially(request).await.unwrap().into_inner().is_made);
}

/// Waits until an audit asks the database of order.
async fn until_audited(system: &System) {
    let database = system.database(&order::SERVICE).await;
    let statement = "select exists (select from pg_stat_activity
        where datname = current_database() and application_name = 'shipyard-audit')";
    while !sqlx::query_scalar::<_, bool>(statement).fetch_one(&database).await.unwrap() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    database.close().await;
}

async fn spoil(system: &System, service: &'static Service, statement: &'static str, order: Uuid) {
    let database = system.database(service).await;
    let changed = sqlx::query(statement).bind(order).execute(&database).await.unwrap();
    assert!(changed.rows_affected() > 0, "{statement}");
    database.close().await;
}

/// Returns whether the audit passed, and its report.
async fn audit(system: &System, wait: &str) -> (bool, Value) {
    let output = system.shipyard(&["audit", "--json", "--wait", wait]).await;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{complaint}"));
    (output.status.success(), report)
}

fn verdicts(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["verdict"].as_str().unwrap()).collect()
}

fn counted(report: &Value, number: usize) -> Vec<u64> {
    let counts = report["findings"][number - 1]["counted"].as_array().unwrap();
    counts.iter().map(|count| count["count"].as_u64().unwrap()).collect()
}
