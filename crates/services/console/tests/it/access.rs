//! Access control: the origin of writes, the cookie, the size of bodies, and other users' orders.

use platform::ids;
use reqwest::Method;
use testkit::fetch;

use crate::fixture::{Fixture, cookie, stored};

#[tokio::test]
async fn a_write_needs_the_origin_of_the_page_and_a_login_does_too() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.session(ids::random());

    for path in [
        "/console/api/login",
        "/console/api/logout",
        "/console/api/me/delete",
        "/console/api/orders",
        "/console/api/operator/anything",
    ] {
        for origin in [None, Some("null"), Some("http://evil.example"), Some("http://127.0.0.1")] {
            let request = fixture.request(Method::POST, path).header("cookie", cookie(&session)).body("{}");
            let request = match origin {
                Some(origin) => request.header("origin", origin),
                None => request,
            };
            assert_eq!(fetch(request).await.code(), (403, "FORBIDDEN".to_owned()), "{path} {origin:?}");
        }
    }
}

#[tokio::test]
async fn a_request_without_the_cookie_is_answered_with_401_and_a_page_with_the_login() {
    let fixture = Fixture::start().await;
    let ended = ids::random().to_string();

    for session in ["", "garbage", &ended] {
        let refused = fixture.get("/console/api/orders", session).await;
        assert_eq!((refused.status, refused.header("content-type")), (401, "application/problem+json"), "{session}");
        let page = fixture.get("/console/profile", session).await;
        assert_eq!((page.status, page.header("content-type")), (401, "text/html; charset=utf-8"));
        assert!(page.text.contains(r#"name="next" value="/console/profile""#), "{}", page.text);
        let form = fixture
            .form("/console/api/orders", session, &[("11111111-1111-4111-8111-111111111111", "2"), ("key", "k")])
            .await;
        assert_eq!(form.status, 401);
        let back = "/console/checkout?11111111-1111-4111-8111-111111111111=2&#38;key=k";
        assert!(form.text.contains(&format!(r#"name="next" value="{back}""#)), "the cart is kept: {}", form.text);
    }
}

#[tokio::test]
async fn a_body_of_a_megabyte_is_refused() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.session(ids::random());
    let post = |kind: &str| {
        let request = fixture.request(Method::POST, "/console/api/orders").header("cookie", cookie(&session));
        request.header("origin", fixture.origin()).header("content-type", kind.to_owned()).body("x".repeat(1 << 20))
    };

    assert_eq!(fetch(post("application/json")).await.code(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
    let page = fetch(post("application/x-www-form-urlencoded")).await;
    assert_eq!((page.status, page.header("content-type")), (413, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn an_order_of_another_user_is_not_there_and_an_operator_sees_it() {
    let fixture = Fixture::start().await;
    let (order, user) = (ids::random(), ids::random());
    let (owner, other) = (fixture.iam.session(user), fixture.iam.session(ids::random()));
    let operator = fixture.iam.operator_session(ids::random());
    fixture.add(&[stored(order, user, 0)]).await;

    let page = format!("/console/orders/{order}");
    let api = format!("/console/api/orders/{order}");
    for path in [
        page.clone(),
        format!("{page}/summary"),
        format!("{page}/timeline"),
        format!("{page}/receipt"),
        format!("{api}/timeline"),
        format!("{api}/live"),
        format!("{api}/receipt"),
        format!("{api}/export"),
    ] {
        assert_eq!(fixture.get(&path, &other).await.status, 404, "{path}");
    }
    assert_eq!(fixture.get(&format!("{api}/timeline"), &owner).await.status, 200);
    let seen = fixture.get(&page, &operator).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    assert!(seen.text.contains("another user's order"), "{}", seen.text);
    assert_eq!(fixture.get("/console/orders/no-uuid", &owner).await.status, 404);
}
