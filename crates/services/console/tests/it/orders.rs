//! The requests of the console to the order service for programs and for forms, and how a refused checkout continues.

use platform::ids;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{HttpResponse, fetch};

use crate::{
    fixture::{Fixture, cookie},
    stand_ins::{Order, inventory},
};

const ORDERS: &str = "/console/api/orders";

async fn calling(order: &Order) -> Fixture {
    Fixture::with(&[("ORDER_HTTP_ADDRESS", &order.address.to_string())]).await
}

/// Returns the idempotency key of a checkout page.
fn key(page: &HttpResponse) -> String {
    let (_, rest) = page.text.split_once(r#"name="key" value=""#).expect(&page.text);
    rest.split('"').next().unwrap().to_owned()
}

/// Returns the names of the fields of a checkout's form, except for its key and its parts.
fn fields(page: &HttpResponse) -> Vec<String> {
    let (_, form) = page.text.split_once("data-checkout").expect(&page.text);
    let (form, _) = form.split_once("</form>").expect(&page.text);
    let names = form.split(r#" name=""#).skip(1).filter_map(|rest| rest.split('"').next());
    names.filter(|name| *name != "key" && uuid::Uuid::try_parse(name).is_err()).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_checkout_that_is_refused_for_good_goes_on_with_another_key_and_one_that_may_pass_with_the_same() {
    let (order, part) = (Order::start().await, ids::random());
    let (parts, _inventory) = inventory(part).await;
    let variables = [("ORDER_HTTP_ADDRESS", order.address.to_string()), ("INVENTORY_ADDRESS", parts.to_string())];
    let fixture = Fixture::with(&variables.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    let session = fixture.iam.session(ids::random());
    let part = part.to_string();
    let checkout = async |key: &str| fixture.form(ORDERS, &session, &[(part.as_str(), "1"), ("key", key)]).await;

    let refused = checkout("made-with-the-cart").await;
    assert_eq!((refused.status, order.last().header("idempotency-key")), (409, "made-with-the-cart"));
    let next = key(&refused);
    assert!(uuid::Uuid::try_parse(&next).is_ok() && refused.text.contains("data-refused"), "{}", refused.text);
    checkout(&next).await;
    assert_eq!(order.last().header("idempotency-key"), next);

    for (status, code) in
        [(503, "DEPENDENCY_UNAVAILABLE"), (429, "TOO_MANY_REQUESTS"), (409, "IDEMPOTENCY_IN_PROGRESS")]
    {
        order.refuse_with(status, code);
        assert_eq!(key(&checkout(&next).await), next, "{code}");
    }
}

#[tokio::test]
async fn a_checkout_while_inventory_is_away_keeps_its_key_parts_and_texts() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.session(ids::random());
    let part = ids::random().to_string();

    let empty = fixture.get(&format!("/console/checkout?{part}=2&key=made-with-the-cart"), &session).await;
    let names = fields(&empty);
    assert!(names.iter().any(|name| name == "delivery_address"), "{names:?}");
    let texts: Vec<(&str, String)> = names.iter().map(|name| (name.as_str(), format!("<b>{name}</b>"))).collect();
    let mut form = vec![(part.as_str(), "2"), ("key", "made-with-the-cart")];
    form.extend(texts.iter().map(|(name, text)| (*name, text.as_str())));
    let refused = fixture.form(ORDERS, &session, &form).await;
    let query = serde_urlencoded::to_string(&form).unwrap();
    let shown = fixture.get(&format!("/console/checkout?{query}"), &session).await;

    assert_eq!((refused.status, shown.status), (503, 200));
    for page in [refused, shown] {
        assert_eq!(key(&page), "made-with-the-cart");
        assert!(page.text.contains(&format!(r#"name="{part}" value="2""#)), "{}", page.text);
        for name in &names {
            let kept = format!(r#"value="&#60;b&#62;{name}&#60;/b&#62;""#);
            assert!(page.text.contains(&kept), "{kept}: {}", page.text);
        }
        assert!(!page.text.contains("Your cart is empty"), "{}", page.text);
    }
}

#[tokio::test]
async fn a_programs_request_reaches_the_order_service_as_it_was_sent() {
    let order = Order::start().await;
    order.refuse_with(400, "INVALID_REQUEST");
    let fixture = calling(&order).await;
    let session = fixture.iam.session(ids::random());

    assert_eq!(fixture.get(&format!("{ORDERS}/x"), &session).await.code(), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(order.last().request, "GET /api/v1/orders/x");
    let body = r#"{"payment_method": "CARD", "payment_methd": 1}"#;
    for path in ["x/pay", "x/cancel"] {
        let request = fixture.request(Method::POST, &format!("{ORDERS}/{path}")).header("cookie", cookie(&session));
        let request = request.header("origin", fixture.origin()).header("idempotency-key", "k");
        fetch(request.header("content-type", "application/json; charset=utf-8").body(body)).await;
        let seen = order.last();
        assert_eq!((seen.request, seen.body.as_str()), (format!("POST /api/v1/orders/{path}"), body));
    }
    let user = ids::random();
    let session = fixture.iam.session(user);
    fixture.post(ORDERS, &session, &json!({ "part_uuids": ["wing"], "unknown": 1 })).await;
    let seen = order.last();
    let expected = json!({ "user_uuid": user, "part_uuids": ["wing"], "unknown": 1 });
    assert_eq!(serde_json::from_str::<Value>(&seen.body).unwrap(), expected);
    assert_eq!((seen.header("content-type"), seen.header("x-session-uuid")), ("application/json", session.as_str()));
}

#[tokio::test]
async fn a_form_pays_with_its_key_and_its_method_alone() {
    let order = Order::start().await;
    let fixture = calling(&order).await;
    let session = fixture.iam.session(ids::random());
    let path = format!("{}/pay", ids::random());

    let form = [("payment_method", "CARD"), ("key", "pay-1"), ("button", "x")];
    fixture.form(&format!("{ORDERS}/{path}"), &session, &form).await;
    // A customer whose request could not be processed may choose another method.
    fixture.form(&format!("{ORDERS}/{path}"), &session, &[("payment_method", "SBP"), ("key", "pay-1")]).await;

    // The form leads back to the page of the order, which reads the order again.
    let seen = order.all();
    let paid = seen.iter().find(|seen| seen.request.starts_with("POST")).unwrap();
    assert_eq!(
        (paid.request.as_str(), paid.body.as_str()),
        (&*format!("POST /api/v1/orders/{path}"), r#"{"payment_method":"CARD"}"#)
    );
    assert_eq!((paid.header("idempotency-key"), paid.header("content-type")), ("pay-1-CARD", "application/json"));
    let keys: Vec<_> = seen
        .iter()
        .filter(|seen| seen.request.starts_with("POST"))
        .map(|seen| seen.header("idempotency-key"))
        .collect();
    assert_eq!(keys, ["pay-1-CARD", "pay-1-SBP"]);
    let malformed = fixture.form(&format!("{ORDERS}/x/pay"), &session, &form).await;
    assert_eq!((malformed.status, malformed.header("content-type")), (400, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn an_order_is_not_found_only_if_the_order_service_says_so() {
    let order = Order::start().await;
    let fixture = calling(&order).await;
    let session = fixture.iam.session(ids::random());
    let unknown = ids::random();

    for (status, code, expected) in [
        (404, "ORDER_NOT_FOUND", (404, "ORDER_NOT_FOUND")),
        (401, "INVALID_SESSION", (401, "INVALID_SESSION")),
        (408, "REQUEST_TIMEOUT", (503, "DEPENDENCY_UNAVAILABLE")),
        (429, "TOO_MANY_REQUESTS", (429, "TOO_MANY_REQUESTS")),
    ] {
        order.refuse_with(status, code);
        let refused = fixture.get(&format!("{ORDERS}/{unknown}/timeline"), &session).await;
        assert_eq!(refused.code(), (expected.0, expected.1.to_owned()));
        assert_eq!(fixture.get(&format!("/console/orders/{unknown}"), &session).await.status, expected.0);
        if expected.0 == 429 {
            assert_eq!(refused.header("retry-after"), "2");
        }
    }
}
