//! An order from registration to a built ship, and every service's rows about it.

use contracts::money::Money;
use contracts::proto::{
    assembly::v1::{AssemblyStatus, GetAssemblyRequest, assembly_service_client::AssemblyServiceClient},
    notification::v1::{
        ListNotificationsRequest, NotificationStatus, notification_service_client::NotificationServiceClient,
    },
    payment::v1::{GetPaymentRequest, PaymentMethod, PaymentStatus, payment_service_client::PaymentServiceClient},
};
use testkit::eventually;
use uuid::Uuid;

use crate::{customer::Customer, system::System};

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
