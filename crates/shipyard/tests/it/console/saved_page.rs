//! The saved page of an order verifies its own receipt, without the shop.

use std::time::Duration;

use super::browser::Browser;
use crate::system::System;

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
