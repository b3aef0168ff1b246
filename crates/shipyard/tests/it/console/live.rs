//! A page follows its order: while the console is killed, in twelve tabs at once, after it was hidden, and as a file
//! opened later.

use std::time::Duration;

use contracts::events::DeliveryStatusUpdated;
use serde_json::json;
use testkit::eventually;

use super::{browser::Browser, purchase::assert_equals_the_topics};
use crate::system::System;

/// More tabs than the connections that a browser opens to one origin.
const TABS: usize = 12;

/// Longer than a page waits for the effects of a message, or between two polls.
const HIDDEN_FOR: Duration = Duration::from_secs(8);
/// Counts the requests of the hidden page.
const COUNT_HIDDEN: &str = "
    window.wasHidden = false;
    window.sent = 0;
    addEventListener('visibilitychange', () => { window.wasHidden ||= document.hidden; });
    const count = () => { if (document.hidden) window.sent++; };
    const { fetch, EventSource } = window;
    window.fetch = (...all) => { count(); return fetch(...all); };
    window.EventSource = class extends EventSource { constructor(url) { count(); super(url); } };";

/// Counts the timeline's steps on the page.
const STEPS: &str = "return document.querySelectorAll('[id^=step-]').length";

#[tokio::test]
async fn a_console_that_is_killed_amid_a_delivery_leaves_no_gap_in_the_page() {
    let mut system = System::start().await;
    let (browser, customer, part) = Browser::of_customer(&system).await;
    let order = customer.order_to("Main Street 1", &part).await;
    browser.open(&format!("/console/orders/{order}")).await;
    browser.wait_for("#step-1", "Order placed").await;

    system.kill(&console::SERVICE).await;
    customer.pay(order).await.success(200);
    let (topic, key) = (system.kafka.topic::<DeliveryStatusUpdated>(), order.to_string().into_bytes());
    let is_delivered = |payload: &[u8]| payload.windows(9).any(|part| part == b"DELIVERED");
    eventually(async || {
        let messages = system.kafka.messages(&topic).await;
        messages.iter().any(|one| one.key == key && is_delivered(&one.payload)).then_some(())
    })
    .await;
    system.run(&console::SERVICE);
    system.ready(&console::SERVICE).await;

    // The page is not reloaded.
    browser.wait_for("h1", "Your ship has arrived").await;
    browser.wait_for("#step-16", "Delivered").await;
    assert_equals_the_topics(&system, &browser, &order.to_string()).await;
}

#[tokio::test]
async fn twelve_tabs_of_one_browser_follow_twelve_orders() {
    let system = System::shared().await;
    let (browser, customer, part) = Browser::of_customer(system).await;
    let mut tabs = Vec::new();
    for _ in 0..TABS {
        let order = customer.order(&[&part]).await;
        let tab = browser.open_tab().await;
        browser.open(&format!("/console/orders/{order}")).await;
        browser.wait_for("#step-1", "Order placed").await;
        tabs.push((tab, order));
    }

    for (_, order) in &tabs {
        customer.cancel(*order).await.success(204);
    }

    for (tab, _) in &tabs {
        browser.switch_to(tab).await;
        browser.wait_for("h1", "This order is cancelled").await;
    }
}

#[tokio::test]
async fn a_hidden_page_sends_nothing_and_catches_up_when_it_is_shown() {
    let system = System::shared().await;
    let (browser, customer, part) = Browser::of_customer(system).await;
    let order = customer.order(&[&part]).await;
    browser.open(&format!("/console/orders/{order}")).await;
    browser.wait_for("#step-1", "Order placed").await;
    browser.script(COUNT_HIDDEN).await;
    let page = browser.tab().await;

    browser.open_tab().await;
    customer.cancel(order).await.success(204);
    tokio::time::sleep(HIDDEN_FOR).await;
    browser.switch_to(&page).await;

    browser.wait_for("h1", "This order is cancelled").await;
    assert_eq!(browser.script("return [window.wasHidden, window.sent]").await, json!([true, 0]));
}

#[tokio::test]
async fn an_exported_order_opens_without_the_shop_and_has_the_same_steps() {
    let system = System::shared().await;
    let (browser, customer, part) = Browser::of_customer(system).await;
    let order = customer.order_to("Main Street 1", &part).await;
    customer.pay(order).await.success(200);
    browser.open(&format!("/console/orders/{order}")).await;
    browser.wait_for("h1", "Your ship has arrived").await;
    browser.wait_for("#step-16", "Delivered").await;
    let steps = browser.script(STEPS).await;

    let url = format!("http://{}/console/api/orders/{order}/export", system.address(&console::SERVICE));
    let cookie = format!("shipyard_session={}", customer.session);
    let client = platform::http::client(Duration::from_secs(20)).expect("a client");
    let exported = client.get(url).header("Cookie", cookie).send().await.expect("it answers");
    let file = system.directory.path().join(format!("{order}.html"));
    std::fs::write(&file, exported.bytes().await.expect("a body")).expect("the directory can be written");
    browser.open_url(&format!("file://{}", file.display())).await;

    browser.wait_for("h1", "Your ship has arrived").await;
    assert_eq!(browser.script(STEPS).await, steps);
    browser.assert_calm(&[]).await;
}

#[tokio::test]
async fn a_saved_page_verifies_its_receipt_offline_and_shows_the_line_that_was_changed() {
    let system = System::shared().await;
    let (browser, customer, part) = Browser::of_customer(system).await;
    let order = customer.order(&[&part]).await;
    let url = format!("http://{}/console/api/orders/{order}/export", system.address(&console::SERVICE));
    let client = platform::http::client(Duration::from_secs(20)).expect("a client");
    let saved = client.get(url).header("X-Session-Uuid", &customer.session).send().await.expect("it answers");
    let saved = saved.text().await.expect("a body");
    let open = async |name: &str, page: &str| {
        let file = system.directory.path().join(format!("{order}-{name}.html"));
        std::fs::write(&file, page).expect("the directory can be written");
        browser.open_url(&format!("file://{}", file.display())).await;
    };

    open("valid", &saved).await;
    browser.wait_for("#signature", "Valid:").await;

    let line = format!("order {order} of ");
    open("line", &saved.replacen(&line, &line.replace(" of ", " 0f "), 1)).await;
    browser.wait_for("#signature", "Changed. The page says").await;
    let marked = browser.script("return document.querySelector('.evidence > li[style]').textContent").await;
    assert!(marked.as_str().is_some_and(|text| text.contains(" 0f ")), "{marked}");

    open("rest", &saved.replacen("What happened", "What happens", 1)).await;
    browser.wait_for("#signature", "the rest of the page is not").await;

    let (before, rest) = saved.split_once("id=\"keys\">").expect("the keys");
    let (_, after) = rest.split_once("</script>").expect("their end");
    open("key", &format!("{before}id=\"keys\">{{\"keys\":[]}}</script>{after}")).await;
    browser.wait_for("#signature", "Another key.").await;
    browser.assert_calm(&[]).await;
}
