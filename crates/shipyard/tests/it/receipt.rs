//! The receipt of one order of a running system: it is complete soon after the delivery, and names a missing row.

use ::audit::receipt::Receipt;
use contracts::events::{DELIVERY_STATUSES, DeliveryStatusUpdated, OrderPaid, PaymentCompleted, ShipAssembled, record};
use operations::{
    receipts::{Receipts, Records},
    registry::with_database,
};
use platform::{config::Settings, server::service::Service};
use serde_json::json;
use testkit::eventually;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    customer::{Customer, ORDERS},
    operator,
    system::System,
};

const CONSUMERS: &str = "each consumer handled every event once, with its effects";

#[tokio::test]
async fn a_receipt_is_whole_after_the_delivery_and_names_a_missing_inbox_row() {
    let system = System::start().await;
    let settings = system.settings();
    // The role may only read, like the containers' role for receipts.
    let receipts = Receipts::from_settings("shipyard-test", &audited(&settings).await).unwrap();
    let customer = Customer::new(&system).await;
    let part = customer.part("Thruster").await.uuid;
    let body = json!({ "user_uuid": customer.user, "part_uuids": [part], "delivery_address": "Main Street" });
    let created = customer.post_once("order", ORDERS, body).await.unwrap().success(201);
    let order: Uuid = created["order_uuid"].as_str().unwrap().parse().unwrap();
    let unpaid = receipts.receipt(order, &scanned(&settings, order).await).await.unwrap();
    let method = json!({ "payment_method": "INVESTOR_MONEY" });
    customer.post_once("pay", &format!("{ORDERS}/{order}/pay"), method).await.unwrap().success(200);
    let under_way = receipts.receipt(order, &scanned(&settings, order).await).await.unwrap();
    eventually(async || (customer.find(order).await["delivery_status"] == "DELIVERED").then_some(())).await;
    let delivered = Instant::now();

    let read = async || receipts.receipt(order, &scanned(&settings, order).await).await.unwrap();
    let whole = eventually(async || Some(read().await).filter(Receipt::is_whole)).await;

    println!("whole {:?} after the delivery", delivered.elapsed());
    for receipt in [&unpaid, &under_way, &whole] {
        assert!(receipt.violated().next().is_none(), "{receipt:#?}");
    }
    let records = scanned(&settings, order).await;
    let begun = Instant::now();
    assert!(receipts.receipt(order, &records).await.unwrap().is_whole());
    println!("a receipt takes {:?}", begun.elapsed());
    assert!(receipts.receipt(Uuid::from_u128(7), &Records::default()).await.is_none());

    for (service, group, event) in lost(order) {
        let database = system.database(service).await;
        let rows = "with lost as (delete from inbox where consumer = $1 and event_uuid = $2 returning 1)
            select count(*) from lost";
        let deleted: i64 = sqlx::query_scalar(rows).bind(group).bind(event).fetch_one(&database).await.unwrap();
        assert_eq!(deleted, 1, "{group}");

        // The group commits its offset every half second.
        let is_violated = |receipt: &Receipt| receipt.violated().next().is_some();
        let receipt =
            eventually(async || Some(receipts.receipt(order, &records).await.unwrap()).filter(is_violated)).await;

        let violated: Vec<_> = receipt.violated().collect();
        assert_eq!(violated.len(), 1, "{receipt:#?}");
        assert_eq!(violated[0].invariant, CONSUMERS);
        let named = |line: &String| line.starts_with(&format!("inbox of {service}: {group}, "));
        let named = violated[0].evidence.iter().find(|line| named(line) && line.ends_with(&format!("{event}: no row")));
        assert!(named.is_some() && violated[0].text.contains(group), "{receipt:#?}");
        let (success, said, complaint) = printed(&system, order).await;
        assert!(!success && complaint.contains("1 of 10 invariants of this order are broken"), "{said}{complaint}");
        assert!(said.contains(&format!(" 5  BROKEN  {CONSUMERS}\n")) && said.contains(named.unwrap()), "{said}");
        sqlx::query("insert into inbox (consumer, event_uuid) values ($1, $2)")
            .bind(group)
            .bind(event)
            .execute(&database)
            .await
            .unwrap();
        database.close().await;
    }
    assert!(receipts.receipt(order, &records).await.unwrap().is_whole());
    let (success, said, complaint) = printed(&system, order).await;
    assert!(success && said.ends_with("all 10 invariants of this order hold\n"), "{said}{complaint}");
    assert_eq!(said, format!("{}\n", receipts.receipt(order, &scanned(&settings, order).await).await.unwrap()));

    let (service, group, event) = lost(order)[0];
    let database = system.database(service).await;
    let lose = "delete from inbox where consumer = $1 and event_uuid = $2";
    sqlx::query(lose).bind(group).bind(event).execute(&database).await.unwrap();
    database.close().await;
    operator::discard(&system, order, group, event).await;
    let of_operators = Receipts::from_settings("shipyard-test", &settings).unwrap().for_operators();
    for (receipts, waived) in
        [(&receipts, "waived, since an operator discarded"), (&of_operators, "waived, since ann discarded")]
    {
        let receipt = receipts.receipt(order, &records).await.unwrap();
        let evidence: Vec<&String> = receipt.checks.iter().flat_map(|check| &check.evidence).collect();
        assert!(evidence.iter().any(|line| line.starts_with(waived)), "{evidence:#?}");
    }
    let unknown = Uuid::from_u128(7);
    let (success, said, complaint) = printed(&system, unknown).await;
    assert!(!success && said.is_empty() && complaint.contains(&format!("order {unknown} not found")), "{complaint}");
}

/// Runs `shipyard audit --order`. Returns whether it succeeded, its output, and its errors.
async fn printed(system: &System, order: Uuid) -> (bool, String, String) {
    let output = system.shipyard(&["audit", "--order", &order.to_string()]).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// Inbox rows of several consumers. For some, an effect proves that the row existed.
fn lost(order: Uuid) -> Vec<(&'static Service, &'static str, Uuid)> {
    let completed = record(order, PaymentCompleted { attempt: 1, ..PaymentCompleted::default() }).uuid;
    let paid = record(order, OrderPaid::default()).uuid;
    let assembled = record(order, ShipAssembled::default()).uuid;
    let delivered = DELIVERY_STATUSES[3].to_owned();
    let delivered = record(order, DeliveryStatusUpdated { status: delivered, ..DeliveryStatusUpdated::default() }).uuid;
    vec![
        (&notification::SERVICE, "notification-group-order-paid", paid),
        (&order::SERVICE, "order-group-payment-completed", completed),
        (&delivery::SERVICE, "delivery-group-order-assembled", assembled),
        (&order::SERVICE, "order-group-delivery-status-updated", delivered),
    ]
}

async fn scanned(settings: &Settings, order: Uuid) -> Records {
    Records::scan(settings, order).await.unwrap()
}

/// The settings with a role that may only read.
async fn audited(settings: &Settings) -> Settings {
    let mut audited = settings.clone();
    for service in with_database() {
        let variable = service.variable("DATABASE_URL");
        let url = settings.get(&variable).unwrap();
        let url = servers::postgres::ensure_auditor(url, "receipts", "reads").await.unwrap();
        audited = audited.with([(variable.as_str(), url)]);
    }
    audited
}
