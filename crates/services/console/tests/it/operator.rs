//! The data that operators see, as pages and as JSON.

use platform::ids;
use serde_json::{Value, json};

use crate::{
    fixture::Fixture,
    shop::{MARKUP, Shop},
};

const PAGES: [&str; 7] = ["services", "dead-letters", "outbox", "lag", "audit", "couriers", "actions"];

#[tokio::test]
async fn a_user_without_the_role_gets_403_on_every_operator_path_and_no_link_to_them() {
    let fixture = Fixture::operating(Shop::with_letters(1)).await;
    let (user, operator) = (fixture.iam.session(ids::random()), fixture.iam.operator_session(ids::random()));

    let mut checked = 0;
    for rule in console::api::RULES.iter().filter(|rule| rule.method.contains("/operator/")) {
        let (method, path) = rule.method.split_once(' ').unwrap();
        let refused = fixture.request(method.parse().unwrap(), path).header("x-session-uuid", &user);
        let refused = testkit::fetch(refused.header("origin", fixture.origin())).await;
        assert_eq!(refused.status, 403, "{rule:?}");
        checked += 1;
    }
    assert_eq!(checked, 21);
    assert!(!fixture.get("/console/map", &user).await.text.contains("/console/operator"));
    assert!(fixture.get("/console/map", &operator).await.text.contains("/console/operator/services"));
}

#[tokio::test]
async fn each_page_is_small_shows_markup_as_text_and_loads_nothing_from_elsewhere() {
    let fixture = Fixture::operating(Shop::with_letters(100)).await;
    let session = fixture.iam.operator_session(ids::random());

    for page in PAGES {
        let page = fixture.get(&format!("/console/operator/{page}"), &session).await;
        assert!([200, 503].contains(&page.status), "{}", page.text);
        assert!(page.text.len() < 190_000, "{} bytes", page.text.len());
        for forbidden in ["<script>alert", "http://", "https://", " style=", "<style"] {
            assert!(!page.text.contains(forbidden), "{forbidden}: {}", page.text);
        }
    }
}

#[tokio::test]
async fn programs_read_what_the_pages_show() {
    let fixture = Fixture::operating(Shop::with_letters(3)).await;
    let session = fixture.iam.operator_session(ids::random());
    let get = async |path: &str| fixture.get(&format!("/console/api/operator/{path}"), &session).await.json();

    let begin = "1970-01-01T00:00:00Z";
    let order = json!({
        "service": "order", "about": "", "admin": "", "version": null, "is_ready": false,
        "waiting_for": ["database"], "error": null, "breakers": [{ "peer": "payment", "state": "open" }],
    });
    assert_eq!(get("services").await["services"][1], order);
    let outbox = json!({
        "service": "order", "error": null, "waiting": 1234, "set_aside": 0,
        "oldest": begin, "relay": "host-1-id", "relay_until": null,
    });
    assert_eq!(get("outbox").await, json!({ "outboxes": [outbox] }));
    let partition = |partition: i32, committed: Option<i64>, lag: i64, history: Value| {
        json!({
            "service": "assembly", "group": "assembly-group-order-paid", "topic": "order.paid", "partition": partition,
            "committed": committed, "end": 9, "lag": lag, "history": history,
        })
    };
    let partitions = [partition(0, Some(7), 2, json!([{ "at": begin, "lag": 5 }])), partition(1, None, 9, json!([]))];
    assert_eq!(get("lag").await, json!({ "at": "1970-01-01T00:00:15Z", "partitions": partitions }));
    let mut letters = get("dead-letters?letter=order.paid.dlq%2F0%2F1&limit=1").await;
    assert!(letters["page"]["letters"][0]["payload"].take().as_str().is_some_and(|text| text.len() > 100_000));
    let letter = json!({
        "id": "order.paid.dlq/0/1", "at": begin, "state": "pending", "resolved": null, "topic": "order.paid",
        "partition": "0", "offset": "1", "group": "assembly-group-order-paid", "kind": "events.v1.OrderPaid",
        "error": MARKUP, "attempts": "1", "key": MARKUP, "headers": [["event-type", MARKUP]], "payload": null,
    });
    let page = json!({
        "matching": 1, "newest": begin, "pending": 3, "replayed": 0, "discarded": 0, "letters": [letter],
    });
    assert_eq!(letters, json!({ "page": page, "work": { "running": null, "last": null } }));
    assert_eq!(get("dead-letters?topic=nowhere").await["page"]["matching"], 0);
    assert_eq!(get("dead-letters?skip=2").await["page"]["letters"].as_array().unwrap().len(), 1);
    assert_eq!(get("audit").await, json!({ "running": null, "last": null }));
    for (query, field) in [("limit=-1", "limit"), ("limit=many", "limit"), ("skip=-1", "skip"), ("limt=1", "limt")] {
        let refused = fixture.get(&format!("/console/api/operator/dead-letters?{query}"), &session).await;
        assert_eq!((refused.status, &refused.json()["field"]), (400, &json!(field)), "{query}");
    }
}

#[tokio::test]
async fn without_operations_each_page_says_what_cannot_be_read_and_no_action_begins() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.operator_session(ids::random());

    for (path, what) in [
        ("services", "the services"),
        ("dead-letters", "the dead letters"),
        ("outbox", "the outboxes"),
        ("lag", "the lag"),
        ("audit", "the audit"),
    ] {
        let page = fixture.get(&format!("/console/operator/{path}"), &session).await;
        assert_eq!(page.status, 503);
        assert!(page.text.contains(&format!("{what} cannot be read now: ")), "{}", page.text);
        let refused = fixture.get(&format!("/console/api/operator/{path}"), &session).await;
        assert_eq!(refused.code(), (503, "DEPENDENCY_UNAVAILABLE".to_owned()));
    }
    let part = json!({ "part_uuid": ids::random(), "quantity": 1 });
    // Without the log, the failure of a restock would name inventory, which is not reachable.
    for (path, body) in [("dead-letters/replay", json!({})), ("audit", json!({})), ("restock", part)] {
        let refused = fixture.post(&format!("/console/api/operator/{path}"), &session, &body).await;
        assert_eq!(refused.code(), (503, "DEPENDENCY_UNAVAILABLE".to_owned()));
        assert_eq!(refused.json()["message"], "operations is unavailable", "{path}");
    }
}
