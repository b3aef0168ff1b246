//! A user's access token in place of the session, and the calls for which iam has to know the browser's address.

use platform::ids;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::{Attempt, HttpResponse, fetch};

use crate::{
    fixture::{Fixture, stored},
    stand_ins::Order,
};

struct Program<'a> {
    fixture: &'a Fixture,
    token: String,
}

impl Program<'_> {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.fixture.request(method, path).header("origin", self.fixture.origin());
        request.header("authorization", format!("Bearer {}", self.token))
    }

    async fn get(&self, path: &str) -> HttpResponse {
        fetch(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> HttpResponse {
        fetch(self.request(Method::POST, path).json(body)).await
    }
}

#[tokio::test]
async fn an_access_token_is_taken_wherever_a_session_is_and_the_services_get_it() {
    let order = Order::start().await;
    order.refuse_with(404, "ORDER_NOT_FOUND");
    let fixture = Fixture::with(&[("ORDER_HTTP_ADDRESS", &order.address.to_string())]).await;
    let (uuid, user) = (ids::random(), ids::random());
    let program = Program { fixture: &fixture, token: fixture.iam.token(user) };
    fixture.add(&[stored(uuid, user, 0)]).await;

    let me = program.get("/console/api/me").await;
    assert_eq!((me.status, &me.json()["uuid"]), (200, &json!(user)), "{}", me.text);
    for path in ["/console/api/orders".to_owned(), format!("/console/api/orders/{uuid}")] {
        assert_eq!(program.get(&path).await.code(), (404, "ORDER_NOT_FOUND".to_owned()));
        let seen = order.last();
        let credential = (seen.header("authorization"), seen.header("x-session-uuid"));
        assert_eq!(credential, (&*format!("Bearer {}", program.token), ""), "{path}");
    }
    let pay = format!("/console/api/orders/{uuid}/pay");
    assert_eq!(program.post(&pay, &json!({ "payment_method": "CARD" })).await.status, 404);
    let timeline = program.get(&format!("/console/api/orders/{uuid}/timeline")).await;
    assert_eq!((timeline.status, timeline.json()["steps"].is_array()), (200, true));
    for path in ["/console/login".to_owned(), "/console/profile".to_owned(), format!("/console/orders/{uuid}/receipt")]
    {
        assert_eq!(program.get(&path).await.status, 200, "{path}");
    }
    // These services are unavailable. The response says so, and not that the caller is unauthenticated.
    for path in ["/console/api/parts", "/console/api/couriers", "/console/"] {
        assert_eq!(program.get(path).await.status, 503, "{path}");
    }
    let live = program.request(Method::GET, &format!("/console/api/orders/{uuid}/live")).send().await.unwrap();
    assert_eq!(live.status(), 200);
}

#[tokio::test]
async fn what_needs_the_session_itself_refuses_an_access_token_as_an_ended_session() {
    let fixture = Fixture::start().await;
    let program = Program { fixture: &fixture, token: fixture.iam.token(ids::random()) };
    let contacts = json!({ "email": "a@example.com", "telegram": "", "password": "x" });

    for path in ["/console/api/contacts", "/console/api/me/delete", "/console/api/logout-all", "/console/api/logout"] {
        let refused = program.post(path, &contacts).await;
        assert_eq!(refused.code(), (401, "INVALID_SESSION".to_owned()), "{path}: {}", refused.text);
        assert!(!refused.header("www-authenticate").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn no_path_fails_with_500_for_an_access_token_or_a_token_that_is_unknown() {
    let fixture = Fixture::start().await;
    let known = Program { fixture: &fixture, token: fixture.iam.token(ids::random()) };
    let unknown = Program { fixture: &fixture, token: format!("{}x", known.token) };

    for rule in console::api::RULES.iter().filter(|rule| rule.method.contains("/console")) {
        let (method, path) = rule.method.split_once(' ').unwrap();
        let path = path.replace("{order_uuid}", &ids::random().to_string()).replace("{name}", "style-0.css");
        if path.ends_with("/live") {
            continue;
        }
        for program in [&known, &unknown] {
            let request = program.request(method.parse().unwrap(), &path.replace("{id}", "x"));
            let request = if method == "POST" { request.json(&json!({})) } else { request };
            let response = fetch(request).await;
            assert_ne!(response.status, 500, "{rule:?}: {}", response.text);
        }
    }
}

#[tokio::test]
async fn iam_learns_from_the_console_through_which_addresses_a_password_came() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.session(ids::random());
    let forged = "198.51.100.1, 192.0.2.1";
    let body = json!({ "login": "ann", "email": "ann@example.com", "password": "SecurePassword123!" });

    for path in ["/console/api/login", "/console/api/register", "/console/api/me/delete"] {
        let request = fixture.request(Method::POST, path).header("origin", fixture.origin());
        let request = request.header("x-session-uuid", &session);
        fetch(request.header("x-forwarded-for", forged).json(&body)).await;
    }

    let expected = Attempt { service: Some("console".to_owned()), forwarded_for: format!("{forged}, 127.0.0.1") };
    assert_eq!(fixture.iam.attempts(), [(); 3].map(|()| expected.clone()));
}
