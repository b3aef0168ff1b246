//! Tests of the lines that events leave in the log.

use uuid::Uuid;

use super::{aggregate::Aggregate, *};
use crate::{
    auth::{Caller, User},
    telemetry::{MemoryLog, subscribe},
};

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
    let user = Uuid::from_u128(7);

    let revoked = logged(Event::SessionRevoked { user, reason: Revocation::LogoutAll });
    let role = logged(Event::RoleUsed { user, path: "/api/v1/couriers", of: Some(Uuid::from_u128(8)), of_name: None });

    assert_eq!(
        revoked,
        serde_json::json!({ "level": "INFO", "target": "security", "message": "security event",
            "event": "session_revoked", "user_uuid": user.to_string(), "reason": "logout_all" })
    );
    assert_eq!(role["path"], "/api/v1/couriers");
    assert_eq!(role["of_uuid"], Uuid::from_u128(8).to_string());
}

#[test]
fn a_refused_code_has_a_subject_only_where_it_was_right() {
    let other = logged(Event::ContactRefused { user: Some(Uuid::from_u128(7)), reason: ContactRefusal::Chat });
    let wrong = logged(Event::ContactRefused { user: None, reason: ContactRefusal::Code });

    assert_eq!((&other["event"], &other["reason"]), (&"contact_refused".into(), &"chat".into()));
    assert_eq!(other["user_uuid"], Uuid::from_u128(7).to_string());
    assert_eq!((&wrong["reason"], wrong.get("user_uuid")), (&"code".into(), None));
}

#[test]
fn a_refused_login_says_nothing_but_its_name_and_a_lock_the_address() {
    let refused = serde_json::json!({ "level": "INFO", "target": "security", "message": "security event",
        "event": "login_refused" });
    assert_eq!(logged(Event::LoginRefused {}), refused);

    let address = std::net::Ipv4Addr::new(192, 0, 2, 1).into();
    let locked = serde_json::json!({ "level": "INFO", "target": "security", "message": "security event",
        "event": "locked", "address": "192.0.2.1" });
    assert_eq!(logged(Event::Locked { address }), locked);
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
    tokio::time::sleep(aggregate::WINDOW * 2).await;
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
    tokio::time::sleep(aggregate::WINDOW * 2).await;

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
    assert_eq!(refused.len(), 1, "the object of nobody is none");
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
