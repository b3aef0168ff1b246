//! The pages: their headers, markup as data, and what they say while other services are not reachable.

use contracts::events::{AssemblyFailed, OrderCreated};
use platform::ids;
use reqwest::Method;

use crate::fixture::{Answer, Fixture, answer, cookie};

const MARKUP: &str = r#"<script>alert("1")</script>"#;

fn assert_shows_no_markup(page: &Answer) {
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
        let policy =
            "default-src 'self'; frame-ancestors 'none'; object-src 'none'; base-uri 'none'; form-action 'self'";
        assert_eq!(page.header("content-security-policy"), policy, "{path}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "browsers send no Origin otherwise");
        assert_eq!(page.header("cache-control"), "no-store");
        for forbidden in ["http://", "https://", " style=", "<style", " onclick=", "<script>"] {
            let text = page.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains(forbidden), "{path} has {forbidden}");
        }
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
async fn a_profile_says_nothing_about_what_a_service_that_does_not_answer_knows() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.session(ids::random());
    let profile = async || fixture.get("/console/profile", &session).await.text;

    let known = profile().await;
    fixture.iam.lose_database();
    let unknown = profile().await;

    for of_iam in ["No notification method is set", r#"action="/console/api/contacts""#] {
        assert!(known.contains(of_iam) && !unknown.contains(of_iam), "{of_iam}: {unknown}");
    }
    assert!(unknown.contains("<h1>Profile</h1>"), "{unknown}");
    // customers does not answer either time.
    assert!(!known.contains("Not given.") && !known.contains("No loans."), "{known}");
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

#[tokio::test]
async fn a_login_that_is_refused_keeps_what_was_typed_and_is_no_stack_of_json() {
    let fixture = Fixture::start().await;

    let page = fixture
        .form("/console/api/login", "", &[("login", "ada"), ("password", "wrong"), ("next", "/console/map")])
        .await;

    // The stand-in for iam has no login, so to the console it is a service that fails.
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    assert!(page.text.contains(r#"value="ada""#) && page.text.contains(r#"value="/console/map""#), "{}", page.text);
    assert!(page.text.contains("iam is unavailable") && !page.text.contains("wrong"), "{}", page.text);
    let missing = fixture.form("/console/api/login", "", &[("login", "ada")]).await;
    assert_eq!(missing.status, 400);
    assert!(missing.text.contains("password: is required"), "{}", missing.text);
}

#[tokio::test]
async fn the_fields_of_a_login_hold_every_login_and_password_that_iam_admits() {
    let fixture = Fixture::start().await;

    // iam admits this number of bytes. A browser counts UTF-16 units, of which a text never has more than bytes.
    for (id, bytes) in [("login", 254), ("password", 1024)] {
        for path in ["/console/login", "/console/register"] {
            let page = fixture.get(path, "").await.text;
            let (_, field) = page.split_once(&format!(r#"<input id="{id}""#)).unwrap();
            let field = field.split('>').next().unwrap();
            assert!(field.contains(&format!(r#"maxlength="{bytes}""#)), "{path}: {field}");
        }
    }
}

#[tokio::test]
async fn a_checkout_without_a_key_gets_one_in_its_address() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.session(ids::random());
    let client = platform::http::client_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();

    let part = ids::random();
    let url = format!("{}/console/checkout?{part}=2", fixture.origin());
    let answered = client.get(url).header("cookie", cookie(&session)).send().await.unwrap();

    assert_eq!(answered.status(), 303);
    let place = answered.headers()["location"].to_str().unwrap();
    let key = place.strip_prefix(&format!("/console/checkout?{part}=2&key=")).unwrap();
    assert!(uuid::Uuid::try_parse(key).is_ok(), "{place}");
}

#[tokio::test]
async fn a_query_or_path_that_cannot_be_read_is_answered_with_a_page() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.operator_session(ids::random());
    let order = ids::random();

    for (path, says) in [
        ("/console/orders?cursor=1&cursor=2", "cursor: must be sent at most once"),
        ("/console/login?next=1&next=2", "next: must be sent at most once"),
        ("/console/register?next=1&next=2", "next: must be sent at most once"),
        ("/console/payments?page=1&page=2", "page: must be sent at most once"),
        ("/console/operator/actions?done=1&done=2", "done: must be sent at most once"),
        ("/console/operator/dead-letters?skip=-1", "skip: must be a whole number"),
        (&format!("/console/orders/{order}?refused=A&refused=B"), "refused: must be sent at most once"),
        ("/console/orders/%FF", "request: cannot be read"),
    ] {
        let page = fixture.get(path, &session).await;
        assert_eq!((page.status, page.header("content-type")), (400, "text/html; charset=utf-8"), "{path}");
        assert!(page.text.contains(says), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn what_is_no_page_is_not_found() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.session(ids::random());

    let missing = answer(fixture.request(Method::GET, "/console/nowhere").header("cookie", cookie(&session))).await;

    assert_eq!(missing.code(), (404, "NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn a_method_that_a_page_does_not_have_is_answered_with_a_page() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.session(ids::random());

    for path in ["/console/profile", "/console/map/grid", "/console/api/me"] {
        let refused = fixture.form(path, &session, &[("a", "b")]).await;

        assert_eq!((refused.status, refused.header("content-type")), (405, "text/html; charset=utf-8"), "{path}");
    }
}

#[tokio::test]
async fn a_part_of_a_page_that_is_opened_by_hand_leads_to_its_page() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.session(ids::random());
    let part = || fixture.request(Method::GET, "/console/map/grid").header("cookie", cookie(&session));

    // The client follows the redirection.
    let opened = answer(part().header("sec-fetch-mode", "navigate")).await;
    let loaded = answer(part().header("sec-fetch-mode", "same-origin")).await;

    assert!(opened.text.contains("<html") && opened.text.contains("<h1>"), "{}", opened.text);
    assert!(!loaded.text.contains("<html"), "{}", loaded.text);
}
