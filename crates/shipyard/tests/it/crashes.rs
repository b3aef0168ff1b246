//! `kill -9` of each service while orders are in progress: every order ends as without the kill.

use contracts::proto::{
    notification::v1::{
        ListNotificationsRequest, NotificationStatus, notification_service_client::NotificationServiceClient,
    },
    payment::v1::{GetPaymentRequest, Payment, PaymentStatus, payment_service_client::PaymentServiceClient},
};
use futures::future::join_all;
use operations::registry::SERVICES;
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

use crate::{
    customer::{Customer, ORDERS, Response},
    system::System,
};

/// The kinds of the messages about a paid and built order without an address, in their order.
pub const MESSAGES: [&str; 2] = ["order_paid", "ship_assembled"];

/// The number of orders in progress while a service is killed.
const ORDERS_AT_ONCE: usize = 6;

#[tokio::test]
async fn no_order_is_lost_doubled_or_half_undone_when_any_service_is_killed() {
    let mut system = System::start().await;
    let customer = Customer::new(&system).await;
    let part = customer.part("Fuel Tank").await.uuid;
    let stock = customer.stock(&part).await;
    let mut paid = Vec::new();

    for service in SERVICES {
        let orders = (0..ORDERS_AT_ONCE).map(|n| buy(&customer, &part, format!("{service}-{n}"), n % 3 == 2));
        let killed = async {
            // At this moment some orders are placed, and none is built yet.
            tokio::time::sleep(std::time::Duration::from_millis(15)).await;
            system.kill(service).await;
            system.run(service);
        };
        let (orders, ()) = futures::join!(join_all(orders), killed);
        for (order, cancelled) in orders {
            if cancelled {
                customer.until(order, "CANCELLED").await;
            } else {
                customer.until(order, "ASSEMBLED").await;
                paid.push((service.name, order));
            }
        }
        system.ready(service).await;
    }

    for (killed, order) in &paid {
        assert_eq!(payment(&system, *order).await.status(), PaymentStatus::Succeeded);
        let mut kinds = told(&system, *order, MESSAGES.len()).await;
        let mut expected = MESSAGES;
        if *killed == "notification" {
            // A message that the killed process was sending is retried later, after others.
            kinds.sort();
            expected.sort_unstable();
        }
        assert_eq!(kinds, expected, "{killed} was killed");
    }
    let expected = stock - i64::try_from(paid.len()).unwrap();
    eventually(async || (customer.stock(&part).await == expected).then_some(())).await;
    assert_eq!(placed(&customer).await, ORDERS_AT_ONCE * SERVICES.len(), "each request made one order");
}

/// Orders one part, and pays or cancels the order. Retries each request under its key until the response arrives.
async fn buy(customer: &Customer, part: &str, key: String, cancel: bool) -> (Uuid, bool) {
    let body = json!({ "user_uuid": customer.user, "part_uuids": [part] });
    let placed = until_final(customer, &format!("{key}-order"), ORDERS, body).await.success(201);
    let order: Uuid = placed["order_uuid"].as_str().unwrap().parse().unwrap();
    if cancel {
        let path = format!("{ORDERS}/{order}/cancel");
        until_final(customer, &format!("{key}-cancel"), &path, json!({})).await.success(204);
    } else {
        pay(customer, order, &key).await;
    }
    (order, cancel)
}

/// Pays an order. If the reconciler learns an unknown outcome before the request is retried, the retry gets
/// 409.
async fn pay(customer: &Customer, order: Uuid, key: &str) {
    let path = format!("{ORDERS}/{order}/pay");
    let body = json!({ "payment_method": "CARD" });
    let response = until_final(customer, &format!("{key}-pay"), &path, body).await;
    if response.status == 409 {
        response.problem(409, "INVALID_STATUS");
        assert_ne!(customer.find(order).await["status"], "CANCELLED");
    } else {
        response.success(200);
    }
}

async fn until_final(customer: &Customer, key: &str, path: &str, body: Value) -> Response {
    eventually(async || {
        let response = customer.post_once(key, path, body.clone()).await.ok()?;
        let again = response.status.is_server_error()
            || ["IDEMPOTENCY_IN_PROGRESS", "PAYMENT_IN_PROGRESS"].iter().any(|code| response.text.contains(code));
        (!again).then_some(response)
    })
    .await
}

/// The number of the customer's orders.
async fn placed(customer: &Customer) -> usize {
    let page = customer.get(&format!("{ORDERS}?limit=100")).await.success(200);
    page["orders"].as_array().unwrap().len()
}

async fn payment(system: &System, order: Uuid) -> Payment {
    let mut payments = PaymentServiceClient::new(system.peer(&payment::SERVICE));
    let request = GetPaymentRequest { order_uuid: order.to_string() };
    payments.get_payment(request).await.unwrap().into_inner().payment.unwrap()
}

/// Waits until `count` notifications of the order are sent. Returns their kinds.
async fn told(system: &System, order: Uuid, count: usize) -> Vec<String> {
    let notifications = NotificationServiceClient::new(system.peer(&notification::SERVICE));
    let list = eventually(async || {
        let request = ListNotificationsRequest { order_uuid: order.to_string() };
        let list = notifications.clone().list_notifications(request).await.ok()?.into_inner().notifications;
        let sent = list.iter().all(|notification| notification.status() == NotificationStatus::Sent);
        (sent && list.len() >= count).then_some(list)
    })
    .await;
    list.into_iter().map(|notification| notification.kind).collect()
}
