//! Tests of the lines that events leave in the log.

use base::memory_log::{MemoryLog, subscribe};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::auth::{Caller, User};

/// Captures what this thread logs until the guard is dropped.
fn capture() -> (MemoryLog, tracing::subscriber::DefaultGuard) {
    let log = MemoryLog::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
    (log, subscribe(subscriber))
}

fn common(event: Event<'_>) -> Common {
    Common::of(&event.fields())
}

fn told(log: &MemoryLog) -> Vec<serde_json::Value> {
    log.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the fields of the log line that `event` produces.
fn logged(event: Event<'_>) -> serde_json::Value {
    let (lines, _guard) = capture();
    write(&event.fields(), 1);
    let mut fields = told(&lines).pop().unwrap();
    fields.as_object_mut().unwrap().remove("timestamp");
    fields
}

#[test]
fn an_event_has_its_name_its_subject_and_its_reason() {
    let [user, of] = [7, 8].map(Uuid::from_u128);
    let address = std::net::Ipv4Addr::new(192, 0, 2, 1).into();
    let path = "/api/v1/things";

    for (event, name, fields) in [
        (
            Event::SessionRevoked { user, reason: Revocation::LogoutAll },
            "session_revoked",
            json!({ "user_uuid": user, "reason": "logout_all" }),
        ),
        (
            Event::RoleUsed { user, path, of: Some(of), of_name: None },
            "role_used",
            json!({ "user_uuid": user, "path": path, "of_uuid": of }),
        ),
        (
            Event::ContactRefused { user: Some(user), reason: ContactRefusal::Chat },
            "contact_refused",
            json!({ "user_uuid": user, "reason": "chat" }),
        ),
        (
            Event::ContactRefused { user: None, reason: ContactRefusal::Code },
            "contact_refused",
            json!({ "reason": "code" }),
        ),
        (Event::LoginRefused {}, "login_refused", json!({})),
        (Event::Locked { address }, "locked", json!({ "address": "192.0.2.1" })),
    ] {
        let mut expected = fields;
        expected["event"] = name.into();
        for (member, value) in [("level", "INFO"), ("target", "security"), ("message", "security event")] {
            expected[member] = value.into();
        }
        assert_eq!(logged(event), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn equal_events_of_a_stranger_share_a_line_and_none_is_lost() {
    let (lines, _guard) = capture();
    let aggregate: &'static Aggregate = Box::leak(Box::default());
    let refused = |reason| common(Event::AccessRefused { user: Some(Uuid::from_u128(9)), reason });

    for _ in 0..10_000 {
        aggregate.record(refused(AccessRefusal::Role));
    }
    aggregate.record(refused(AccessRefusal::Service));
    tokio::time::sleep(WINDOW * 2).await;
    aggregate.record(refused(AccessRefusal::Role));

    let told: Vec<_> = told(&lines).iter().map(|line| (line["reason"].clone(), line["count"].clone())).collect();
    let (role, service, one) = ("role".into(), "service".into(), serde_json::Value::Null);
    let expected: [(serde_json::Value, serde_json::Value); 4] =
        [(role, one.clone()), (service, one.clone()), ("role".into(), 9_999.into()), ("role".into(), one)];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn events_of_many_strangers_share_lines_as_well() {
    let (lines, _guard) = capture();
    let aggregate: &'static Aggregate = Box::leak(Box::default());

    for number in 0..100_000 {
        aggregate.record(common(Event::Locked { address: std::net::Ipv4Addr::from(number).into() }));
    }
    tokio::time::sleep(WINDOW * 2).await;

    let told = told(&lines);
    let counted: u64 = told.iter().map(|line| line["count"].as_u64().unwrap_or(1)).sum();
    assert_eq!(counted, 100_000);
    assert!(told.len() < 1_000, "{} lines", told.len());
}

#[tokio::test(start_paused = true)]
async fn an_operator_who_sees_data_of_another_user_is_recorded_and_so_is_a_user_who_may_not() {
    let (lines, _guard) = capture();
    let (ann, operator) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let inspects = |caller: Caller, owner| caller.may_inspect(owner, Uuid::from_u128(3), "/x.v1.X/Get");

    assert!(inspects(Caller::User(User::plain(ann)), Some(ann)));
    assert!(inspects(Caller::User(User::operator(operator)), Some(operator)));
    assert!(inspects(Caller::Service("order".to_owned()), Some(ann)));
    assert!(
        !inspects(Caller::User(User::plain(ann)), Some(operator)) && !inspects(Caller::User(User::plain(ann)), None)
    );
    let refused = told(&lines);
    assert_eq!(refused.len(), 1, "an object without an owner is not recorded");
    assert_eq!((&refused[0]["event"], &refused[0]["reason"]), (&"access_refused".into(), &"object".into()));
    assert_eq!(refused[0]["user_uuid"], ann.to_string());
    assert!(inspects(Caller::User(User::operator(operator)), Some(ann)));

    assert!(inspects(Caller::User(User::operator(operator)), Some(ann)), "a repeated read");
    assert_eq!(told(&lines).len(), 2);
    let line = told(&lines).pop().unwrap();
    assert_eq!((&line["event"], &line["path"]), (&"role_used".into(), &"/x.v1.X/Get".into()));
    assert_eq!(line["user_uuid"], operator.to_string());
    assert_eq!(line["of_uuid"], Uuid::from_u128(3).to_string());
    let changes = || Caller::User(User::operator(operator)).may_change(Some(ann), Uuid::from_u128(3), "/x.v1.X/End");
    assert!(changes() && changes());
    assert_eq!(told(&lines).len(), 4, "each change is recorded");
}
