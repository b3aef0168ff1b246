//! A stranger buys a ship in the browser, by mouse and by keyboard, and watches it arrive.

use contracts::events::ROUTES;
use platform::ids;
use serde_json::Value;

use super::browser::{Browser, ENTER};
use crate::{
    customer::{Customer, PASSWORD},
    system::System,
};

/// The field of a part's quantity.
fn quantity(part: &str) -> String {
    format!("input[name='{part}']")
}

#[tokio::test]
async fn a_stranger_buys_a_ship_by_mouse_and_watches_it_arrive() {
    let system = System::shared().await;
    let part = Customer::new(system).await.part("Window A").await.uuid;
    let browser = Browser::start(system).await;
    let login = format!("stranger-{}", ids::random().simple());

    browser.open("/console/").await;
    browser.click(".beside a").await;
    browser.arrive("/console/register").await;
    browser.fill("#login", &login).await;
    browser.fill("#email", &format!("{login}@example.com")).await;
    browser.fill("#password", PASSWORD).await;
    browser.click("form.card button[type=submit]").await;
    browser.wait_for("h1", "Build your ship").await;
    let more = format!("{} + button", quantity(&part));
    browser.click(&more).await;
    browser.click(&more).await;
    assert!(browser.text("[data-cart-count]").await.contains("2 parts"));
    browser.click(".cart button[type=submit]").await;
    browser.arrive("/console/checkout").await;
    browser.fill("#delivery_address", "Main Street 1").await;
    browser.click(".actions button[type=submit]").await;
    let path = browser.arrive("/console/orders/").await;
    browser.click("#pay-CARD").await;
    // The page is not reloaded: it follows the stream.
    browser.wait_for("h1", "Your ship has arrived").await;
    browser.wait_for("#step-16", "Delivered").await;
    browser.open("/console/map").await;
    browser.wait_for("h1", "Map").await;
    browser.assert_calm(&[401]).await;

    let order = path.strip_prefix("/console/orders/").expect("the path of an order");
    assert_equals_the_topics(system, &browser, order).await;
}

/// Asserts that the timeline has the records of the topics with the order's key, in their order.
pub async fn assert_equals_the_topics(system: &System, browser: &Browser, order: &str) {
    browser.open(&format!("/console/api/orders/{order}/timeline")).await;
    let timeline: Value = serde_json::from_str(&browser.text("body").await).expect("JSON");
    let steps = timeline["steps"].as_array().expect("steps");
    let mut shown: Vec<(String, i64, i64)> = steps
        .iter()
        .filter(|step| step["kind"] == "event")
        .map(|step| {
            let number = |name: &str| step[name].as_i64().expect("a number");
            (step["topic"].as_str().expect("a topic").to_owned(), number("partition"), number("offset"))
        })
        .collect();
    let mut published = Vec::new();
    for route in ROUTES.iter().filter(|route| route.is_of_order()) {
        let topic = route.topic(&system.kafka.topics()).to_owned();
        let messages = system.kafka.messages(&topic).await;
        let own = messages.into_iter().filter(|message| message.key == order.as_bytes());
        published.extend(own.map(|message| (topic.clone(), i64::from(message.partition), message.offset)));
    }
    shown.sort();
    published.sort();
    assert_eq!(shown, published);
}

#[tokio::test]
async fn a_ship_is_bought_by_keyboard_alone() {
    let system = System::shared().await;
    let customer = Customer::new(system).await;
    let part = customer.part("Window A").await.uuid;
    let browser = Browser::start(system).await;

    browser.open("/console/").await;
    browser.tab_to("#login").await;
    browser.press(&customer.login).await;
    browser.tab_to("#password").await;
    browser.press(&format!("{PASSWORD}{ENTER}")).await;
    browser.wait_for("h1", "Build your ship").await;
    browser.tab_to(&quantity(&part)).await;
    browser.press("1").await;
    browser.tab_to(".cart button[type=submit]").await;
    browser.press(ENTER).await;
    browser.arrive("/console/checkout").await;
    browser.tab_to(".actions button[type=submit]").await;
    browser.press(ENTER).await;
    browser.arrive("/console/orders/").await;
    browser.tab_to("#pay-SBP").await;
    browser.press(ENTER).await;

    browser.wait_for("h1", "Your ship is built").await;
    browser.assert_calm(&[401]).await;
}
