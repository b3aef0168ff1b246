//! A user's account: the export of what the services hold, the end of the account, and the sessions of a browser.

use futures::future::join_all;
use platform::ids;
use reqwest::{Method, redirect::Policy};
use serde_json::json;
use testkit::{PASSWORD, eventually};

use crate::{
    fixture::{Fixture, cookie},
    holdings::{Holdings, values},
};

const EXPORT: &str = "/console/api/me/export";
const DELETE: &str = "/console/api/me/delete";
const LOGIN: &str = "/console/api/login";

async fn asking(holdings: &Holdings) -> Fixture {
    let variables = holdings.variables();
    Fixture::with(&variables.each_ref().map(|(name, value)| (*name, value.as_str()))).await
}

#[tokio::test]
async fn an_export_has_all_that_the_services_hold_about_the_user_and_nothing_about_others() {
    let holdings = Holdings::start().await;
    let fixture = asking(&holdings).await;
    let (user, other) = (ids::random(), ids::random());
    let (session, another) = (fixture.iam.session(user), fixture.iam.session(other));
    let (own, others) = (holdings.give(&session, user, 5), holdings.give(&another, other, 3));

    let file = fixture.get(EXPORT, &session).await;

    assert_eq!(file.status, 200, "{}", file.text);
    let headers = ["content-type", "content-disposition", "cache-control"].map(|name| file.header(name));
    let expected = ["application/json", "attachment; filename=\"shipyard-data.json\"", "no-store"];
    assert_eq!(headers, expected);
    let export = file.json();
    assert_eq!((&export["user_uuid"], &export["cut"]), (&json!(user), &json!([])));
    assert_eq!(export["iam"]["user"]["info"]["email"], json!(format!("{user}@example.com")));
    assert_eq!(export["iam"]["sessions"][0]["is_current"], json!(true));
    let orders: Vec<String> = own.iter().map(ToString::to_string).collect();
    for (list, member) in [
        (&export["order"]["orders"], "order_uuid"),
        (&export["payment"]["payments"], "order_uuid"),
        (&export["delivery"]["deliveries"], "order_id"),
        (&export["notification"]["notifications"], "order_uuid"),
        (&export["intake"]["orders"], "order_uid"),
    ] {
        assert_eq!(values(list, member), orders, "{list}");
    }
    assert_eq!(export["payment"]["balance_minor"], json!(12_345));
    assert_eq!(export["customers"]["customer"]["name"], json!(format!("Name of {user}")));
    assert_eq!(values(&export["customers"]["loans"], "loan_id"), [format!("loan of {user}")]);
    assert_eq!(values(&export["console"]["actions"], "subject"), [format!("part of {user}")]);
    for foreign in others.iter().chain([&other]).map(ToString::to_string) {
        assert!(!file.text.contains(&foreign), "{foreign}");
    }
}

#[tokio::test]
async fn there_is_no_export_without_a_service_and_the_refusal_names_it() {
    let holdings = Holdings::start().await;
    let fixture = asking(&holdings).await;
    let user = ids::random();
    let session = fixture.iam.session(user);
    holdings.give(&session, user, 1);

    for service in ["order", "payment", "delivery", "notification", "customers", "intake", "operations"] {
        holdings.set_away(service);
        let refused = fixture.get(EXPORT, &session).await;
        assert_eq!(refused.code(), (503, "DEPENDENCY_UNAVAILABLE".to_owned()), "{service}: {}", refused.text);
        assert_eq!(refused.json()["message"], json!(format!("{service} is unavailable")));
    }
    holdings.set_away("");
    assert_eq!(fixture.get(EXPORT, &session).await.status, 200);
}

#[tokio::test]
async fn a_list_that_is_longer_than_its_bound_is_cut_and_the_export_says_so() {
    let holdings = Holdings::start().await;
    let fixture = asking(&holdings).await;
    let user = ids::random();
    let session = fixture.iam.session(user);
    holdings.give(&session, user, 9);
    holdings.set_size(600 << 10);

    let export = fixture.get(EXPORT, &session).await.json();

    assert_eq!(export["cut"], json!(["intake"]));
    // Two pages of two orders have more than 2 MiB.
    assert_eq!(values(&export["intake"]["orders"], "order_uid").len(), 4);
    assert_eq!(values(&export["order"]["orders"], "order_uuid").len(), 9);
}

#[tokio::test]
async fn a_user_has_one_export_made_at_once_and_the_console_four() {
    let holdings = Holdings::start().await;
    let fixture = asking(&holdings).await;
    let sessions: Vec<String> = std::iter::repeat_with(ids::random)
        .take(5)
        .map(|user| {
            let session = fixture.iam.session(user);
            holdings.give(&session, user, 1);
            session
        })
        .collect();
    let responses = holdings.hold();
    let four = join_all(sessions[..4].iter().map(|session| fixture.get(EXPORT, session)));
    let refused = async {
        eventually(async || (holdings.asked() == 4).then_some(())).await;
        let again = fixture.get(EXPORT, &sessions[0]).await;
        let fifth = fixture.get(EXPORT, &sessions[4]).await;
        responses.add_permits(100);
        [again.code(), fifth.code()]
    };

    let (made, refused) = tokio::join!(four, refused);

    assert_eq!(refused, [(); 2].map(|()| (429, "TOO_MANY_REQUESTS".to_owned())));
    assert!(made.iter().all(|export| export.status == 200));
    assert_eq!(fixture.get(EXPORT, &sessions[4]).await.status, 200);
}

#[tokio::test]
async fn an_account_is_deleted_with_its_password_by_a_form_and_its_session_ends() {
    let fixture = Fixture::start().await;
    let user = ids::random();
    let session = fixture.iam.session(user);
    let open = [ids::random(), ids::random()];
    let delete = async |password: &str| fixture.form(DELETE, &session, &[("password", password)]).await;

    let profile = fixture.get("/console/profile", &session).await.text;
    assert!(profile.contains(r#"<form class="fields" method="post" action="/console/api/me/delete">"#), "{profile}");
    assert!(profile.contains(r#"<a href="/console/api/me/export">"#), "{profile}");

    let wrong = delete("wrong").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text.contains("password: is wrong") && wrong.text.contains(r#"href="/console/profile""#));

    fixture.iam.set_open_orders(user, &open);
    let refused = delete(PASSWORD).await;
    assert_eq!((refused.status, refused.header("content-type")), (409, "text/html; charset=utf-8"));
    for order in open {
        assert!(refused.text.contains(&format!(r#"<a href="/console/orders/{order}">"#)), "{}", refused.text);
    }
    let program = fixture.post(DELETE, &session, &json!({ "password": PASSWORD })).await;
    assert_eq!(program.code(), (409, "ORDERS_OPEN".to_owned()));
    assert_eq!(fixture.get("/console/profile", &session).await.status, 200);

    fixture.iam.set_open_orders(user, &[]);
    let deleted = delete(PASSWORD).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    assert!(deleted.text.contains("Your account is deleted") && !deleted.text.contains("Log out"), "{}", deleted.text);
    assert!(
        deleted.header("set-cookie").contains("shipyard_session=; ")
            && deleted.header("set-cookie").contains("Max-Age=0")
    );
    assert_eq!(fixture.get("/console/profile", &session).await.status, 401);
}

#[tokio::test]
async fn a_login_ends_the_browsers_earlier_session_and_succeeds_although_that_fails() {
    let fixture = Fixture::start().await;
    let user = ids::random();
    fixture.iam.add_login("ann", user);
    let earlier = fixture.iam.session(user);
    // A response with a redirection has the cookie.
    let client = platform::http::client_builder().redirect(Policy::none()).build().unwrap();
    let log_in = async |session: &str, login: &str| {
        let request = fixture.request(Method::POST, LOGIN).header("cookie", cookie(session));
        let request = request.header("origin", fixture.origin()).form(&[("login", login), ("password", PASSWORD)]);
        let response = client.execute(request.build().unwrap()).await.unwrap();
        let cookie = response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned());
        let session = cookie.and_then(|cookie| Some(cookie.split_once('=')?.1.split_once(';')?.0.to_owned()));
        (response.status().as_u16(), session.unwrap_or_default())
    };
    let is_open = async |session: &str| fixture.get("/console/profile", session).await.status == 200;

    assert_eq!(log_in(&earlier, "stranger").await.1, "");
    assert!(is_open(&earlier).await, "a login that is refused ends nothing");
    let (_, session) = log_in(&earlier, "ann").await;
    assert!(is_open(&session).await && !is_open(&earlier).await);

    fixture.iam.lose_database();
    for unusable in [session.as_str(), "garbage"] {
        let (status, next) = log_in(unusable, "ann").await;
        assert_eq!(status, 303);
        assert!(!next.is_empty() && next != session);
    }
}
