//! The pages: their headers, markup as data, and what they say while other services are not reachable.

use console::config::Config;
use contracts::events::{AssemblyFailed, OrderCreated};
use platform::ids;
use reqwest::Method;
use testkit::HttpResponse;

use crate::fixture::{Fixture, stored};

const POLICY: &str =
    "default-src 'self'; frame-ancestors 'none'; object-src 'none'; base-uri 'none'; form-action 'self'";

const MARKUP: &str = r#"<script>alert("1")</script>"#;

fn assert_shows_no_markup(page: &HttpResponse) {
    assert!(!page.text.contains("<script>alert"), "{}", page.text);
}

#[tokio::test]
async fn a_page_loads_nothing_from_other_hosts_and_has_no_script_or_style_of_its_own() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.session(ids::random());

    for path in [
        "/console/",
        "/console/login",
        "/console/register",
        "/console/map",
        "/console/profile",
        "/console/payments",
        "/console/orders",
        "/console/checkout",
    ] {
        let page = fixture.get(path, &session).await;
        assert_eq!(page.header("content-security-policy"), POLICY, "{path}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "browsers send no Origin otherwise");
        assert_eq!(page.header("cache-control"), "no-store");
        for forbidden in ["http://", "https://", " style=", "<style", " onclick=", "<script>"] {
            let text = page.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

/// Nothing answers at the playground's address, which takes nothing from the page.
#[tokio::test]
async fn the_page_of_an_order_alone_embeds_the_panel_of_a_playground_if_there_is_one() {
    let mut fixture = Fixture::start().await;
    let order = ids::random();
    let operator = fixture.iam.operator_session(ids::random());
    fixture.add(&[stored(order, ids::random(), 0)]).await;
    let page = format!("/console/orders/{order}");

    let without = fixture.get(&page, &operator).await;
    fixture.restart_with(&[("PLAYGROUND_URL", "http://127.0.0.1:1")]).await;
    let with = fixture.get(&page, &operator).await;
    let other = fixture.get("/console/login", "").await;

    let policy = |page: &HttpResponse| page.header("content-security-policy").to_owned();
    assert_eq!((without.status, policy(&without)), (200, POLICY.to_owned()));
    assert!(without.text.contains(" data-live=") && !without.text.contains("<iframe"), "{}", without.text);
    assert_eq!((with.status, policy(&with)), (200, format!("{POLICY}; frame-src http://127.0.0.1:1")));
    assert!(with.text.contains(r#" src="http://127.0.0.1:1/""#), "{}", with.text);
    assert_eq!(policy(&other), POLICY);
    for url in ["https://shop.example", "http://127.0.0.1", "http://127.0.0.1:1/panel"] {
        let settings = fixture.settings.clone().with([("PLAYGROUND_URL", url.to_owned())]);
        assert_eq!(Config::load(&settings).unwrap_err().variable, "PLAYGROUND_URL", "{url}");
    }
}

#[tokio::test]
async fn assets_are_kept_for_a_year_under_a_name_with_their_hash_and_are_small() {
    let fixture = Fixture::start().await;
    let login = fixture.get("/console/login", "").await.text;
    let style = login.split('"').find(|part| part.starts_with("/console/assets/style-")).unwrap().to_owned();

    let kept = fixture.get(&style, "").await;
    let other = fixture.get("/console/assets/style-00000000.css", "").await;

    assert_eq!(kept.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!((other.status, other.header("cache-control"), &other.text), (200, "no-store", &kept.text));
    assert_eq!(fixture.get("/console/assets/nothing.css", "").await.status, 404);
    let packed = fixture.request(Method::GET, &style).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert!(packed.bytes().await.unwrap().len() * 2 < kept.text.len());
    let mut scripts = 0;
    for name in ["page", "cart", "live"] {
        scripts += fixture.get(&format!("/console/assets/{name}-0.js"), "").await.text.len();
    }
    assert!(scripts <= 16_000, "the scripts have {scripts} bytes together");
}

#[tokio::test]
async fn each_view_says_which_service_is_not_reachable_and_shows_the_rest() {
    let fixture = Fixture::start().await;
    let (order, user) = (ids::random(), ids::random());
    let session = fixture.iam.session(user);
    let created = OrderCreated {
        order_uuid: order.to_string(),
        user_uuid: user.to_string(),
        part_uuids: vec![ids::random().to_string()],
        total_price_minor: 123_456,
        ..OrderCreated::default()
    };
    fixture.publish(order, created).await;
    fixture.steps(order, &session, 2).await;

    let shop = fixture.get("/console/", &session).await;
    assert_eq!(shop.status, 503);
    assert!(shop.text.contains("inventory is unavailable"), "{}", shop.text);
    let map = fixture.get("/console/map", &session).await;
    assert!(map.text.contains("delivery is unavailable"), "{}", map.text);
    let orders = fixture.get("/console/orders", &session).await;
    assert!(orders.text.contains("order is unavailable"), "{}", orders.text);
    let payments = fixture.get("/console/payments", &session).await;
    assert!(payments.text.contains("payment is unavailable"), "{}", payments.text);
    let profile = fixture.get("/console/profile", &session).await;
    assert!(
        profile.text.contains("payment, customers") && profile.text.contains(&format!("user-{user}")),
        "{}",
        profile.text
    );
    let page = fixture.get(&format!("/console/orders/{order}"), &session).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("order, payment, delivery, inventory"), "{}", page.text);
    assert!(page.text.contains("1\u{202f}234.56") && page.text.contains("Order placed"), "{}", page.text);
    assert!(!page.text.contains("payment_method"), "without payment there is nothing to press");
}

#[tokio::test]
async fn markup_in_what_strangers_write_is_text() {
    let fixture = Fixture::start().await;
    let (order, user) = (ids::random(), ids::random());
    let session = fixture.iam.session(user);
    let failed = AssemblyFailed {
        order_uuid: order.to_string(),
        user_uuid: user.to_string(),
        reason: MARKUP.to_owned(),
        ..AssemblyFailed::default()
    };
    let created =
        OrderCreated { order_uuid: order.to_string(), user_uuid: user.to_string(), ..OrderCreated::default() };
    fixture.publish(order, created).await;
    fixture.publish(order, failed).await;
    fixture.steps(order, &session, 4).await;

    let page = fixture.get(&format!("/console/orders/{order}"), &session).await;
    assert!(page.text.contains("&#60;script&#62;alert"), "{}", page.text);
    assert_shows_no_markup(&page);
    assert_shows_no_markup(
        &fixture.form("/console/api/login", "", &[("login", MARKUP), ("password", "x"), ("next", MARKUP)]).await,
    );
    let query = "%3Cscript%3Ealert(%221%22)%3C%2Fscript%3E";
    for path in [
        format!("/console/?q={query}"),
        format!("/console/checkout?key={query}&delivery_address={query}"),
        format!("/console/login?next={query}"),
        format!("/console/orders/{order}?refused={query}"),
    ] {
        assert_shows_no_markup(&fixture.get(&path, &session).await);
    }
}
