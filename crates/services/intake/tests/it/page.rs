//! The HTML pages.

use reqwest::Method;

use crate::fixture::{Fixture, order};

#[tokio::test]
async fn the_page_leads_from_the_field_to_the_order() {
    let fixture = Fixture::open().await;
    let order = order(1);
    fixture.publish_orders(std::slice::from_ref(&order)).await;
    fixture.found(&order.order_uid).await;

    let start = fixture.page("/").await;
    assert_eq!((start.status, start.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(start.text.contains("name=\"order_uid\"") && start.text.contains("<form action=\"/\" method=\"get\""));
    let client = platform::http::client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let address = fixture.request(Method::GET, "/").build().unwrap().url().clone();
    let led = client.get(address).query(&[("order_uid", " a/b <c> ")]).send().await.unwrap();
    assert_eq!((led.status().as_u16(), led.headers()["location"].to_str().unwrap()), (303, "/orders/a%2Fb%20%3Cc%3E"));
    let shown = fixture.page(&format!("/?order_uid={}", order.order_uid)).await;
    assert_eq!((shown.status, shown.header("x-cache")), (200, "hit"));
    for text in [&order.delivery.name, &order.delivery.city, &order.payment.currency, &order.items[0].name] {
        assert!(shown.text.contains(&text.replace('&', "&#38;")), "{text}");
    }
}

#[tokio::test]
async fn the_page_asks_nothing_of_other_hosts_and_shows_markup_as_text() {
    let fixture = Fixture::open().await;
    let mut order = order(1);
    order.delivery.name = "<script>alert(1)</script>".to_owned();
    order.track_number = "\"><img src=x onerror=alert(1)>".to_owned();
    fixture.publish_orders(std::slice::from_ref(&order)).await;
    fixture.found(&order.order_uid).await;

    let shown = fixture.page(&format!("/orders/{}", order.order_uid)).await;

    assert!(!shown.text.contains("<script") && !shown.text.contains("<img"), "{}", shown.text);
    assert!(!shown.text.contains("//"), "an address of another host: {}", shown.text);
    let policy = shown.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!((shown.header("x-content-type-options"), shown.header("cache-control")), ("nosniff", "no-store"));
    let style = fixture.get("/style.css").await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(!style.text.contains("url(") && !style.text.contains("@import"));
}
