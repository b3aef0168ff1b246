//! The operators' actions: each asks first, and shows its progress or its result.

use platform::ids;
use serde_json::{Value, json};
use testkit::HttpResponse;

use crate::{
    fixture::Fixture,
    shop::{MARKUP, Shop},
};

const LETTERS: &str = "/console/operator/dead-letters";
const REPLAY: &str = "/console/api/operator/dead-letters/replay";
const DISCARD: &str = "/console/api/operator/dead-letters/discard";
const AUDIT: &str = "/console/api/operator/audit";

fn members(page: &HttpResponse) -> Vec<(String, String)> {
    let inputs = page.text.split("<input type=\"hidden\" name=\"").skip(1);
    let member = |input: &str| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
    };
    inputs.map(member).collect()
}

/// Presses the button of a confirmation.
async fn confirm(
    fixture: &Fixture,
    path: &str,
    session: &str,
    question: &HttpResponse,
    more: &[(&str, &str)],
) -> HttpResponse {
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
async fn a_replay_asks_first_shows_progress_and_ends_with_a_result() {
    let shop = Shop::with_letters(30);
    let fixture = Fixture::operating(shop.clone()).await;
    let session = fixture.iam.operator_session(ids::random());

    let list = fixture.get(LETTERS, &session).await.text;
    assert!(list.contains("30 pending") && list.contains("rel=\"next\">Newer"), "{list}");
    let question = fixture.form(REPLAY, &session, &[("topic", "order.paid"), ("group", "")]).await;
    assert_eq!(question.status, 200);
    for shown in ["Replay 30 dead letters?", "1 of them is still poison again", "order.paid.dlq/0/0"] {
        assert!(question.text.contains(shown), "{shown}: {}", question.text);
    }
    assert!(!question.text.contains(MARKUP) && shop.begun().is_empty(), "nothing is done before the confirmation");
    let dry_run = fixture.post(REPLAY, &session, &json!({ "dry_run": true })).await.json();
    let plan = json!({
        "messages": 30, "letters": 30, "poison": [{ "letter": "order.paid.dlq/0/0", "reason": MARKUP }],
        "from_outside": 0, "discarded": 0, "late": 0, "truncated": 0, "newest": "1970-01-01T00:00:00Z",
    });
    assert_eq!(dry_run, plan);

    let list = confirm(&fixture, REPLAY, &session, &question, &[]).await;
    assert_eq!(list.status, 200, "{}", list.text);
    for shown in ["Replaying dead letters", "0 of 30 messages", "<progress max=\"30\" value=\"0\">"] {
        assert!(list.text.contains(shown), "{shown}: {}", list.text);
    }
    let refused = fixture.post(REPLAY, &session, &json!({})).await;
    assert_eq!(refused.code(), (409, "CONFLICT".to_owned()));
    let busy = "dead letters are being replayed or discarded; wait until that has ended";
    assert_eq!(refused.json()["message"], busy);
    let ended = "30 messages replayed, 30 dead letters resolved";
    shop.end_letter_work(ended);

    let list = fixture.get(LETTERS, &session).await.text;
    for shown in [ended, "No dead letters", "data-copy=\"outcome\""] {
        assert!(list.contains(shown), "{shown}: {list}");
    }
    assert_eq!(shop.begun(), [format!("replay 30 in {session}")]);
    let work = fixture.get("/console/api/operator/dead-letters", &session).await.json()["work"].take();
    assert_eq!((&work["running"], &work["last"]["result"]), (&json!(null), &json!({ "Ok": [ended] })));
    let begun = fixture.post(REPLAY, &session, &json!({})).await;
    let running = json!({
        "title": "Replaying dead letters", "since": "1970-01-01T00:00:00Z", "step": "messages", "done": 0, "total": 0,
    });
    assert_eq!((begun.status, &begun.json()["running"]), (202, &running));
}

#[tokio::test]
async fn an_action_takes_no_letter_that_came_after_its_question() {
    let shop = Shop::with_letters(2);
    let fixture = Fixture::operating(shop.clone()).await;
    let session = fixture.iam.operator_session(ids::random());

    for (number, path, more, begun) in
        [(7, REPLAY, &[][..], "replay 2"), (8, DISCARD, &[("why", "late")], "for late, discard 1")]
    {
        let question = fixture.form(path, &session, &[("topic", "order.paid")]).await;
        shop.add_letter(number);
        confirm(&fixture, path, &session, &question, more).await;

        assert_eq!(shop.begun().pop(), Some(format!("{begun} in {session}")));
        shop.end_letter_work("done");
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
    confirm(&fixture, DISCARD, &session, &question, &[("why", "gone")]).await;

    assert_eq!(shop.begun(), [format!("for gone, discard 0 in {session}")]);
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
    confirm(&fixture, DISCARD, &session, &question, &[("why", "never right")]).await;

    assert_eq!(shop.begun(), [format!("for never right, discard 1 in {session}")]);
    shop.end_letter_work("1 dead letter discarded");
    let list = fixture.get(LETTERS, &session).await.text;
    assert!(list.contains("1 dead letter discarded") && list.contains("1 pending"), "{list}");
}

#[tokio::test]
async fn an_audit_asks_first_and_its_result_is_that_of_the_command() {
    let shop = Shop::with_letters(0);
    let fixture = Fixture::operating(shop.clone()).await;
    let session = fixture.iam.operator_session(ids::random());

    let question = fixture.form(AUDIT, &session, &[]).await;
    assert!(question.text.contains("Run the audit?"), "{}", question.text);
    let page = confirm(&fixture, AUDIT, &session, &question, &[]).await;
    assert!(page.text.contains("Auditing the shop"), "{}", page.text);
    let refused = fixture.post(AUDIT, &session, &json!({})).await;
    assert_eq!(refused.code(), (409, "CONFLICT".to_owned()));
    assert_eq!(refused.json()["message"], "an audit is running; wait until it has ended");
    shop.end_audit();

    let ended = fixture.get(AUDIT, &session).await.json();
    let check = |state: &str, evidence: &str| {
        let evidence = [evidence];
        json!({ "invariant": "1", "text": "each order is charged once", "state": state, "evidence": evidence })
    };
    let audited = json!({
        "holds": false, "summary": "1 of 2 invariants are broken, by 1 row", "report": "the report of the command",
        "checks": [check("held", "2 orders"), check("violated", MARKUP)],
    });
    assert_eq!((&ended["running"], &ended["last"]["title"]), (&json!(null), &json!("Auditing the shop")));
    assert_eq!(ended["last"]["result"], json!({ "Ok": audited }));
    let page = fixture.get("/console/operator/audit", &session).await.text;
    for shown in ["1 of 2 invariants are broken", "the report of the command", "Run the audit again"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains(MARKUP));
}

#[tokio::test]
async fn each_short_action_asks_and_leads_to_the_log() {
    let (shop, operator) = (Shop::with_letters(0), ids::random());
    shop.set_operator(operator);
    let fixture = Fixture::operating(shop).await;
    let session = fixture.iam.operator_session(operator);
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
    let row = fixture.get("/console/api/operator/actions", &session).await.json()["actions"][0].take();
    assert_eq!((&row["operator_uuid"], &row["at"]), (&json!(operator), &json!("1970-01-01T00:00:00Z")));
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
}
