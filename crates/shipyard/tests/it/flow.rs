//! An order from registration to a built ship, and every service's rows about it.

use contracts::money::Money;
use contracts::proto::{
    assembly::v1::{AssemblyStatus, GetAssemblyRequest, assembly_service_client::AssemblyServiceClient},
    auth::v1::{LogoutRequest, WhoamiRequest},
    notification::v1::{
        ListNotificationsRequest, NotificationStatus, notification_service_client::NotificationServiceClient,
    },
    payment::v1::{GetPaymentRequest, PaymentMethod, PaymentStatus, payment_service_client::PaymentServiceClient},
};
use reqwest::Method;
use testkit::eventually;
use tonic::Code;
use uuid::Uuid;

use crate::{
    customer::{Customer, ORDERS, send},
    system::System,
};

/// The kinds of the messages about a paid and built order without an address, in their order.
pub const MESSAGES: [&str; 2] = ["order_paid", "ship_assembled"];

#[tokio::test]
async fn a_paid_ship_is_built_and_every_service_knows_it() {
    let system = System::shared().await;
    let customer = Customer::new(system).await;
    let part = customer.part("Left Wing").await;
    let stock = customer.stock(&part.uuid).await;

    let order = customer.order(&[&part.uuid, &part.uuid]).await;
    let reserved = customer.stock(&part.uuid).await;
    let paid = customer.pay(order).await.success(200);
    let at_once = customer.find(order).await;
    customer.until(order, "ASSEMBLED").await;

    assert_eq!(reserved, stock - 2);
    assert!(at_once["status"] == "PAID" || at_once["status"] == "ASSEMBLED", "{at_once}");
    assert_eq!(at_once["transaction_uuid"], paid["transaction_uuid"]);
    let payment = payment(system, order).await;
    assert_eq!(payment.transaction_uuid, paid["transaction_uuid"].as_str().unwrap());
    assert_eq!((payment.status(), payment.payment_method()), (PaymentStatus::Succeeded, PaymentMethod::Card));
    assert_eq!(payment.amount_minor, Money::from_major(part.price * 2.0).unwrap().minor());
    let mut assembly = AssemblyServiceClient::new(system.peer(&assembly::SERVICE));
    let request = GetAssemblyRequest { order_uuid: order.to_string() };
    let assembly = assembly.get_assembly(request).await.unwrap().into_inner().assembly.unwrap();
    assert_eq!((assembly.status(), assembly.user_uuid), (AssemblyStatus::Assembled, customer.user.to_string()));
    assert_eq!(told(system, order, MESSAGES.len()).await, MESSAGES);
    assert_eq!(customer.stock(&part.uuid).await, stock - 2, "what is built in is gone");
}

#[tokio::test]
async fn a_cancelled_order_gives_its_parts_back() {
    let system = System::shared().await;
    let customer = Customer::new(system).await;
    let part = customer.part("Right Wing").await.uuid;
    let stock = customer.stock(&part).await;

    let order = customer.order(&[&part, &part, &part]).await;
    let reserved = customer.stock(&part).await;
    customer.cancel(order).await.success(204);

    assert_eq!(reserved, stock - 3);
    assert_eq!(customer.find(order).await["status"], "CANCELLED");
    eventually(async || (customer.stock(&part).await == stock).then_some(())).await;
    assert_eq!(told(system, order, 1).await, ["order_cancelled"]);
    let mut payments = PaymentServiceClient::new(system.peer(&payment::SERVICE));
    let payment = payments.get_payment(GetPaymentRequest { order_uuid: order.to_string() }).await;
    assert_eq!(payment.unwrap_err().code(), Code::NotFound, "nothing was charged");
}

#[tokio::test]
async fn a_session_works_nowhere_after_its_logout() {
    let system = System::shared().await;
    let customer = Customer::new(system).await;
    let order = customer.order(&[&customer.part("Thruster").await.uuid]).await;

    customer.auth().logout(LogoutRequest { session_uuid: customer.session.clone() }).await.unwrap();

    customer.get(ORDERS).await.problem(401, "INVALID_SESSION");
    customer.pay(order).await.problem(401, "INVALID_SESSION");
    let whoami = customer
        .auth()
        .whoami(WhoamiRequest { session_uuid: customer.session.clone(), ..WhoamiRequest::default() })
        .await;
    assert_eq!(whoami.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn the_demo_finds_nothing_wrong() {
    let system = System::shared().await;

    let demo = system.shipyard(&["demo"]).await;

    let said = String::from_utf8_lossy(&demo.stdout);
    assert!(demo.status.success(), "{said}{}", String::from_utf8_lossy(&demo.stderr));
    assert!(said.contains("everything as the contract says"), "{said}");
    let console = system.address(&console::SERVICE);
    let page = said.lines().find(|line| line.contains("/console/orders/")).unwrap_or_else(|| panic!("{said}"));
    assert!(page.trim().starts_with(&format!("http://{console}/")) && page.ends_with("#receipt"), "{page}");
    let last = said.lines().last().unwrap();
    let (_, command) = last.split_once("`shipyard ").unwrap_or_else(|| panic!("{last}"));
    let arguments: Vec<&str> = command.split_once('`').unwrap().0.split(' ').collect();
    // The last notification may be under way.
    eventually(async || {
        let receipt = system.shipyard(&arguments).await;
        assert!(receipt.status.success(), "{receipt:?}");
        String::from_utf8_lossy(&receipt.stdout).contains("invariants of this order hold\n").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_description_and_its_reader_are_served() {
    let customer = Customer::new(System::shared().await).await;

    let document = send(customer.request(Method::GET, "/openapi.json")).await.json();
    let reader = send(customer.request(Method::GET, "/swagger-ui/")).await;
    let live = send(customer.request(Method::GET, "/health/live")).await;

    assert!(document["paths"]["/api/v1/orders/{order_uuid}/pay"]["post"].is_object());
    assert_eq!((reader.status.as_u16(), live.status.as_u16()), (200, 200));
    assert!(reader.text.contains("swagger"), "{}", reader.text);
}

pub async fn payment(system: &System, order: Uuid) -> contracts::proto::payment::v1::Payment {
    let mut payments = PaymentServiceClient::new(system.peer(&payment::SERVICE));
    let request = GetPaymentRequest { order_uuid: order.to_string() };
    payments.get_payment(request).await.unwrap().into_inner().payment.unwrap()
}

/// Waits until `count` notifications of the order are sent. Returns their kinds.
pub async fn told(system: &System, order: Uuid, count: usize) -> Vec<String> {
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
