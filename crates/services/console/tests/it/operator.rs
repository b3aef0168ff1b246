//! The operators' pages and actions.

use console::repository::PgActions;
use platform::ids;
use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    fixture::{Answer, Fixture},
    operations::{MARKUP, Shop},
};

const PAGES: [&str; 7] = ["services", "dead-letters", "outbox", "lag", "audit", "couriers", "actions"];
const LETTERS: &str = "/console/operator/dead-letters";
const REPLAY: &str = "/console/api/operator/dead-letters/replay";
const DISCARD: &str = "/console/api/operator/dead-letters/discard";
const AUDIT: &str = "/console/api/operator/audit";

fn members(page: &Answer) -> Vec<(String, String)> {
    let inputs = page.text.split("<input type=\"hidden\" name=\"").skip(1);
    let member = |input: &str| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
    };
    inputs.map(member).collect()
}

/// Presses the button of a confirmation.
async fn confirm(fixture: &Fixture, path: &str, session: &str, question: &Answer, more: &[(&str, &str)]) -> Answer {
    let members = members(question);
    let own = members.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let form: Vec<(&str, &str)> = own.chain(more.iter().copied()).collect();
    fixture.form(path, session, &form).await
}

async fn log(fixture: &Fixture, session: &str) -> Vec<Value> {
    let log = fixture.get("/console/api/operator/actions", session).await.json();
    let actions = log["actions"].as_array().unwrap().iter();
    actions.map(|one| json!([one["action"], one["subject"], one["result"]])).collect()
}

#[tokio::test]
async fn a_user_without_the_role_gets_403_on_every_operator_path_and_no_link_to_them() {
    let fixture = Fixture::operating(Shop::with_letters(1)).await;
    let (user, operator) = (fixture.iam.session(ids::random()), fixture.iam.operator_session(ids::random()));

    let mut checked = 0;
    for rule in console::api::RULES.iter().filter(|rule| rule.method.contains("/operator/")) {
        let (method, path) = rule.method.split_once(' ').unwrap();
        let refused = fixture.request(method.parse().unwrap(), path).header("x-session-uuid", &user);
        let refused = crate::fixture::answer(refused.header("origin", fixture.origin())).await;
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

    assert_eq!(get("services").await["services"][1]["waiting_for"], json!(["database"]));
    assert_eq!(get("outbox").await["outboxes"][0]["waiting"], 1234);
    let lag = get("lag").await;
    assert_eq!((&lag["partitions"][0]["lag"], lag["partitions"][0]["history"].is_array()), (&json!(2), true));
    let letters = get("dead-letters?letter=order.paid.dlq%2F0%2F1&limit=1").await;
    assert_eq!((&letters["page"]["matching"], &letters["page"]["pending"]), (&json!(1), &json!(3)));
    assert_eq!(get("dead-letters?topic=nowhere").await["page"]["matching"], 0);
    assert_eq!(get("dead-letters?skip=2").await["page"]["letters"].as_array().unwrap().len(), 1);
    assert_eq!(get("audit").await, json!({ "running": null, "last": null }));
    for (query, field) in [("limit=-1", "limit"), ("limit=many", "limit"), ("skip=-1", "skip"), ("limt=1", "limt")] {
        let refused = fixture.get(&format!("/console/api/operator/dead-letters?{query}"), &session).await;
        assert_eq!((refused.status, &refused.json()["field"]), (400, &json!(field)), "{query}");
    }
}

#[tokio::test]
async fn a_replay_asks_first_shows_progress_and_ends_with_a_result() {
    let shop = Shop::with_letters(30);
    let fixture = Fixture::operating(shop.clone()).await;
    let operator = ids::random();
    let session = fixture.iam.operator_session(operator);

    let list = fixture.get(LETTERS, &session).await.text;
    assert!(list.contains("30 pending") && list.contains("rel=\"next\">Newer"), "{list}");
    let question = fixture.form(REPLAY, &session, &[("topic", "order.paid"), ("group", "")]).await;
    assert_eq!(question.status, 200);
    for shown in ["Replay 30 dead letters?", "1 of them is still poison again", "order.paid.dlq/0/0"] {
        assert!(question.text.contains(shown), "{shown}: {}", question.text);
    }
    assert!(!question.text.contains(MARKUP) && shop.done().is_empty(), "nothing is done before the answer");
    let dry_run = fixture.post(REPLAY, &session, &json!({ "dry_run": true })).await.json();
    assert_eq!((&dry_run["messages"], &dry_run["poison"][0]["letter"]), (&json!(30), &json!("order.paid.dlq/0/0")));

    let list = confirm(&fixture, REPLAY, &session, &question, &[]).await;
    assert_eq!(list.status, 200, "{}", list.text);
    let list = eventually(async || {
        Some(fixture.get(LETTERS, &session).await.text).filter(|page| page.contains("0 of 30 messages"))
    })
    .await;
    assert!(list.contains("Replaying dead letters") && list.contains("<progress max=\"30\" value=\"0\">"), "{list}");
    assert_eq!(fixture.post(REPLAY, &session, &json!({})).await.code(), (409, "CONFLICT".to_owned()));
    shop.steps.add_permits(1);

    let ended = "30 messages replayed, 30 dead letters resolved";
    eventually(async || fixture.get(LETTERS, &session).await.text.contains(ended).then_some(())).await;
    let list = fixture.get(LETTERS, &session).await.text;
    assert!(list.contains("No dead letters") && list.contains("data-copy=\"outcome\""), "{list}");
    assert_eq!(shop.done(), [format!("replayed 30 by {operator}")]);
    let expected = [json!(["replay", "order.paid", ended]), json!(["replay", "order.paid", "begun"])];
    assert_eq!(log(&fixture, &session).await, expected);
}

#[tokio::test]
async fn an_action_takes_no_letter_that_came_after_its_question() {
    let shop = Shop::with_letters(2);
    let fixture = Fixture::operating(shop.clone()).await;
    let session = fixture.iam.operator_session(ids::random());

    for (number, path, answers, ended) in [
        (7, REPLAY, &[][..], "2 messages replayed, 2 dead letters resolved"),
        (8, DISCARD, &[("why", "late")], "1 dead letter discarded"),
    ] {
        let question = fixture.form(path, &session, &[("topic", "order.paid")]).await;
        shop.add_letter(number);
        shop.steps.add_permits(1);
        confirm(&fixture, path, &session, &question, answers).await;

        eventually(async || fixture.get(LETTERS, &session).await.text.contains(ended).then_some(())).await;
    }
    assert!(fixture.get(LETTERS, &session).await.text.contains("1 pending"));
}

#[tokio::test]
async fn an_action_that_was_confirmed_for_no_letter_takes_none() {
    let shop = Shop::with_letters(0);
    let fixture = Fixture::operating(shop.clone()).await;
    let session = fixture.iam.operator_session(ids::random());

    let question = fixture.form(DISCARD, &session, &[("topic", "order.paid")]).await;
    assert!(question.text.contains("Discard 0 dead letters?"), "{}", question.text);
    shop.add_letter(1);
    shop.steps.add_permits(1);
    confirm(&fixture, DISCARD, &session, &question, &[("why", "gone")]).await;

    let ended = "0 dead letters discarded";
    eventually(async || fixture.get(LETTERS, &session).await.text.contains(ended).then_some(())).await;
    assert!(fixture.get(LETTERS, &session).await.text.contains("1 pending"));
}

#[tokio::test]
async fn an_action_that_a_stop_interrupts_has_an_end_in_the_log() {
    let shop = Shop::with_letters(1);
    let mut fixture = Fixture::operating(shop.clone()).await;
    let session = fixture.iam.operator_session(ids::random());
    assert_eq!(fixture.post(REPLAY, &session, &json!({})).await.status, 202);

    fixture.stop().await;

    let actions = PgActions::new(fixture.database.pool.clone()).latest(10).await.unwrap();
    let results: Vec<&str> = actions.iter().map(|one| one.result.as_str()).collect();
    assert_eq!(results, ["interrupted: the console stopped", "begun"]);
    assert!(shop.done().is_empty());
}

#[tokio::test]
async fn an_action_that_cannot_be_written_down_does_not_begin() {
    let shop = Shop::with_letters(1);
    let fixture = Fixture::operating(shop.clone()).await;
    let session = fixture.iam.operator_session(ids::random());
    let refuse = "alter table actions add constraint nothing check (false) not valid";
    sqlx::query(refuse).execute(&fixture.database.pool).await.unwrap();
    shop.steps.add_permits(1);

    let replay = fixture.post(REPLAY, &session, &json!({})).await;
    let part = json!({ "part_uuid": ids::random(), "quantity": 1 });
    let restock = fixture.post("/console/api/operator/restock", &session, &part).await;

    // Without the log, the failure of a restock would name inventory, which is not reachable.
    for refused in [replay, restock] {
        assert_eq!(refused.status, 503);
        assert_eq!(refused.json()["message"], "the database is unavailable");
    }
    assert!(shop.done().is_empty());
    assert!(fixture.get(LETTERS, &session).await.text.contains("1 pending"));
}

#[tokio::test]
async fn a_discard_of_one_letter_needs_a_reason() {
    let shop = Shop::with_letters(2);
    let fixture = Fixture::operating(shop.clone()).await;
    let session = fixture.iam.operator_session(ids::random());
    let letter = "order.paid.dlq/0/1";

    let question = fixture.form(DISCARD, &session, &[("letter", letter)]).await;
    assert!(question.text.contains("Discard 1 dead letter?") && question.text.contains("cannot be undone"));
    assert_eq!(fixture.post(DISCARD, &session, &json!({ "dry_run": true })).await.json()["letters"], 2);
    for (body, field) in [
        (json!({ "why": "x" }), "all"),
        (json!({ "letter": null, "why": "x" }), "letter"),
        (json!({ "letters": [letter], "why": "x" }), "letters"),
        (json!({ "letter": letter, "why": "x", "dry_run": 1 }), "dry_run"),
    ] {
        let refused = fixture.post(DISCARD, &session, &body).await;
        assert_eq!((refused.status, &refused.json()["field"]), (400, &json!(field)), "{body}");
    }
    let refused = confirm(&fixture, DISCARD, &session, &question, &[("why", " ")]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("why: is required") && refused.text.contains(LETTERS), "{}", refused.text);
    assert_eq!(fixture.post(DISCARD, &session, &json!({ "letter": letter })).await.json()["field"], "why");
    shop.steps.add_permits(1);
    confirm(&fixture, DISCARD, &session, &question, &[("why", "never right")]).await;

    let ended = "1 dead letter discarded";
    eventually(async || fixture.get(LETTERS, &session).await.text.contains(ended).then_some(())).await;
    assert!(shop.done()[0].starts_with("for never right, discarded 1 by "), "{:?}", shop.done());
    assert_eq!(log(&fixture, &session).await[0], json!(["discard", letter, ended]));
    assert!(fixture.get(LETTERS, &session).await.text.contains("1 pending"));
}

#[tokio::test]
async fn one_audit_runs_at_a_time_and_its_result_is_that_of_the_command() {
    let shop = Shop::with_letters(0);
    let fixture = Fixture::operating(shop.clone()).await;
    let session = fixture.iam.operator_session(ids::random());

    let question = fixture.form(AUDIT, &session, &[]).await;
    assert!(question.text.contains("Run the audit?"), "{}", question.text);
    let page = confirm(&fixture, AUDIT, &session, &question, &[]).await;
    assert!(page.text.contains("Auditing the shop"), "{}", page.text);
    assert_eq!(fixture.post(AUDIT, &session, &json!({})).await.status, 409);
    shop.steps.add_permits(1);

    let ended = eventually(async || {
        let now = fixture.get(AUDIT, &session).await.json();
        Some(now).filter(|now| now["running"].is_null() && !now["last"].is_null())
    })
    .await;
    assert_eq!(ended["last"]["result"]["Ok"]["report"], "the report of the command");
    let page = fixture.get("/console/operator/audit", &session).await.text;
    for shown in ["1 of 2 invariants are broken", "the report of the command", "Run the audit again"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains(MARKUP));
    assert_eq!(log(&fixture, &session).await[0], json!(["audit", "", "1 of 2 invariants are broken, by 1 row"]));
}

#[tokio::test]
async fn each_short_action_asks_and_leads_to_the_log() {
    let fixture = Fixture::operating(Shop::with_letters(0)).await;
    let session = fixture.iam.operator_session(ids::random());
    let (couriers, rollback) = ("/console/api/operator/couriers", "/console/api/operator/kyc-rollback");
    let customer = ids::random().to_string();

    for (path, form, title) in [
        (couriers, vec![("name", MARKUP), ("speed", "2")], "Add the courier"),
        (rollback, vec![("customer_id", &*customer), ("reason", "fraud")], "Withdraw this identity check?"),
    ] {
        let question = fixture.form(path, &session, &form).await;
        assert!(question.status == 200 && question.text.contains(title), "{}", question.text);
        assert!(!question.text.contains(MARKUP) && log(&fixture, &session).await.is_empty());
    }
    // No service is reachable, but the attempt is recorded, and the page of the failure leads back.
    let question = fixture.form(rollback, &session, &[("customer_id", &customer), ("reason", "fraud")]).await;
    let failed = confirm(&fixture, rollback, &session, &question, &[]).await;
    assert!(failed.status == 503 && failed.text.contains("/console/operator/actions"), "{}", failed.text);
    let [ended, begun] = ["DEPENDENCY_UNAVAILABLE", "begun"].map(|result| json!(["kyc-rollback", customer, result]));
    assert_eq!(log(&fixture, &session).await, [ended, begun]);
    let page = fixture.get("/console/operator/actions?done=yes", &session).await.text;
    assert!(
        page.contains("Identity check withdrawn: DEPENDENCY_UNAVAILABLE") && page.contains("<td>you</td>"),
        "{page}"
    );

    let restock = "/console/api/operator/restock";
    let part = ids::random();
    for (body, field) in [
        (json!({ "quantity": 1 }), "part_uuid"),
        (json!({ "part_uuid": "wing", "quantity": 1 }), "part_uuid"),
        (json!({ "part_uuid": part, "quantity": 0 }), "quantity"),
        (json!({ "part_uuid": part, "quantity": 1, "key": "k" }), "key"),
        (json!({ "part_uuid": part, "quantity": 1, "key": 123 }), "key"),
        (json!({ "part_uuid": part, "quantity": 1, "key": null }), "key"),
    ] {
        assert_eq!(fixture.post(restock, &session, &body).await.json()["field"], field, "{body}");
    }
    let body = json!({ "customer_id": customer, "reason": 1 });
    assert_eq!(fixture.post(rollback, &session, &body).await.json()["field"], "reason");
    assert_eq!(fixture.post(restock, &session, &json!({ "part_uuid": part, "quantity": 1 })).await.status, 503);
    assert_eq!(log(&fixture, &session).await[0], json!(["restock", part, "DEPENDENCY_UNAVAILABLE"]));
    // PostgreSQL stores no U+0000.
    let courier = json!({ "name": "B\u{0}ob", "speed": 1 });
    assert_eq!(fixture.post(couriers, &session, &courier).await.status, 503);
    assert_eq!(log(&fixture, &session).await[0], json!(["courier", "Bob", "DEPENDENCY_UNAVAILABLE"]));
}

#[tokio::test]
async fn a_console_that_may_read_nothing_says_so_on_each_page() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.operator_session(ids::random());

    for page in ["services", "dead-letters", "outbox", "lag"] {
        let page = fixture.get(&format!("/console/operator/{page}"), &session).await;
        assert_eq!(page.status, 503);
        assert!(page.text.contains("may not read the databases of the other services"), "{}", page.text);
    }
}
