//! Double clicks, reloads, two tabs and a session that ends never double an order or a charge.

use contracts::events::PaymentCompleted;
use contracts::proto::auth::v1::LogoutRequest;
use serde_json::Value;

use super::browser::Browser;
use crate::{
    customer::{ORDERS, PASSWORD},
    system::System,
};

/// The number of published attempts to charge an order.
async fn charges(system: &System, order: &str) -> usize {
    let topic = system.kafka.topic::<PaymentCompleted>();
    let messages = system.kafka.messages(&topic).await;
    messages.iter().filter(|message| message.key == order.as_bytes()).count()
}

#[tokio::test]
async fn a_double_click_two_tabs_and_reloads_are_one_order_and_one_charge() {
    let system = System::shared().await;
    let (browser, customer, part) = Browser::of_customer(system).await;
    let checkout = format!("/console/checkout?{part}=1&key=made-with-the-cart");

    browser.open(&checkout).await;
    browser.open(&checkout).await;
    let first = browser.tab().await;
    let second = browser.open_tab().await;
    browser.open(&checkout).await;
    browser.double_click(".actions button[type=submit]").await;
    let path = browser.arrive("/console/orders/").await;
    browser.switch_to(&first).await;
    browser.click(".actions button[type=submit]").await;
    assert_eq!(browser.arrive("/console/orders/").await, path);
    let orders: Value = customer.get(ORDERS).await.success(200);
    assert_eq!(orders["orders"].as_array().map(Vec::len), Some(1));

    browser.double_click("#pay-CARD").await;
    browser.switch_to(&second).await;
    // This tab may show the button until its next update.
    browser.script("document.querySelector('#pay-CARD')?.click()").await;
    browser.wait_for("h1", "Your ship is built").await;
    browser.open(&path).await;
    browser.wait_for("h1", "Your ship is built").await;

    let order = path.trim_start_matches("/console/orders/");
    let charges = charges(system, order).await;
    assert_eq!(charges, 1);
    let paid: Value = customer.get(&format!("{ORDERS}/{order}/payment")).await.success(200);
    assert_eq!(paid["status"], "SUCCESS");
}

#[tokio::test]
async fn a_session_that_ends_leads_to_the_login_and_back_with_the_cart() {
    let system = System::shared().await;
    let (browser, mut customer, part) = Browser::of_customer(system).await;
    browser.open(&format!("/console/checkout?{part}=3&delivery_address=Main+Street+1")).await;
    let ended = LogoutRequest { session_uuid: customer.session.clone() };
    customer.auth().logout(ended).await.unwrap();

    browser.click(".actions button[type=submit]").await;
    browser.wait_for("main", "Your session has ended").await;
    browser.fill("#login", &customer.login).await;
    browser.fill("#password", PASSWORD).await;
    browser.click("form.card button[type=submit]").await;
    browser.arrive("/console/checkout").await;
    let field = format!("return document.querySelector(\"input[name='{part}']\").value");
    assert_eq!(browser.script(&field).await, "3");
    assert_eq!(browser.script("return document.querySelector('#delivery_address').value").await, "Main Street 1");
    browser.click(".actions button[type=submit]").await;
    browser.arrive("/console/orders/").await;

    customer.log_in().await;
    let orders: Value = customer.get(ORDERS).await.success(200);
    assert_eq!(orders["orders"].as_array().map(Vec::len), Some(1));
}
