//! `POST /alerts` with in-memory implementations of its dependencies.

use std::{sync::Arc, time::Duration};

use notification::{
    api,
    client::{BotApi, MemoryMessenger, Reply},
    model::MessengerError,
    repository::MemoryAlerts,
    service::Alerting,
};
use platform::{http, server::readiness::Readiness};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A replica of the service, which stops when dropped.
struct Replica {
    url: String,
    client: reqwest::Client,
    _stop: DropGuard,
}

impl Replica {
    async fn new(alerts: &MemoryAlerts, messenger: &MemoryMessenger) -> Self {
        let messenger: Arc<dyn BotApi> = Arc::new(messenger.clone());
        let alerting = Alerting::new(Arc::new(alerts.clone()), Some((messenger, "-100".to_owned())));
        let routes = api::alerts::routes(alerting);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/alerts", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(http::serve(listener, routes, Readiness::default(), stop.clone()));
        Self { url, client: http::client(Duration::from_secs(10)).unwrap(), _stop: stop.drop_guard() }
    }

    async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        let request = self.client.post(&self.url).header("content-type", "application/json").body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn status(&self, body: &Value) -> u16 {
        self.post(body.to_string()).await.0
    }
}

/// A body as Alertmanager 0.28 sends it.
fn webhook(alerts: &[Value]) -> Value {
    json!({
        "receiver": "notification", "status": "firing", "alerts": alerts, "groupLabels": { "alertname": "ServiceDown" },
        "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://127.0.0.1:9093", "version": "4",
        "groupKey": "{}:{alertname=\"ServiceDown\"}", "truncatedAlerts": 0,
    })
}

fn alert(status: &str, fingerprint: &str) -> Value {
    json!({
        "status": status, "labels": { "alertname": "ServiceDown", "service": "order", "severity": "page" },
        "annotations": {
            "summary": "order does not answer", "description": "No replica is left.",
            "runbook_url": "https://runbook", "dashboard_url": "http://127.0.0.1:9090", "other": "not told",
        },
        "startsAt": "2026-11-25T17:00:00.123456789Z", "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://127.0.0.1:9090/graph", "fingerprint": fingerprint,
    })
}

const ONE: &str = "0123456789abcdef";
const OTHER: &str = "fedcba9876543210";

fn texts(messenger: &MemoryMessenger) -> Vec<String> {
    messenger.sent().into_iter().map(|message| format!("{} {}", message.chat, message.text)).collect()
}

#[tokio::test]
async fn an_alert_is_told_once_when_it_fires_and_once_when_it_has_resolved() {
    let (alerts, messenger) = (MemoryAlerts::default(), MemoryMessenger::default());
    let (first, second) = (Replica::new(&alerts, &messenger).await, Replica::new(&alerts, &messenger).await);

    for replica in [&first, &second, &first] {
        assert_eq!(replica.status(&webhook(&[alert("firing", ONE), alert("firing", ONE)])).await, 200);
    }
    for replica in [&second, &first] {
        assert_eq!(replica.status(&webhook(&[alert("resolved", ONE)])).await, 200);
    }

    let lines =
        "ServiceDown (page)\norder does not answer\nNo replica is left.\nhttps://runbook\nhttp://127.0.0.1:9090";
    assert_eq!(texts(&messenger), [format!("-100 FIRING: {lines}"), format!("-100 RESOLVED: {lines}")]);
}

#[tokio::test]
async fn only_alerts_that_have_not_been_told_are_told() {
    let messenger = MemoryMessenger::default();
    let replica = Replica::new(&MemoryAlerts::default(), &messenger).await;
    replica.status(&webhook(&[alert("firing", ONE)])).await;

    assert_eq!(replica.status(&webhook(&[alert("firing", ONE), alert("firing", OTHER)])).await, 200);

    let told: Vec<usize> = texts(&messenger).iter().map(|text| text.matches("FIRING").count()).collect();
    assert_eq!(told, [1, 1]);
}

#[tokio::test]
async fn alerts_that_do_not_fit_are_told_by_the_next_calls() {
    let messenger = MemoryMessenger::default();
    let replica = Replica::new(&MemoryAlerts::default(), &messenger).await;
    let names: Vec<String> = (10..30).map(|number| format!("Alert{number}")).collect();
    let alerts = names.iter().enumerate().map(|(index, name)| {
        let mut alert = alert("firing", &format!("{index:016x}"));
        alert["labels"]["alertname"] = json!(name);
        alert["annotations"]["description"] = json!("x".repeat(600));
        alert
    });
    let body = webhook(&alerts.collect::<Vec<_>>());

    let mut calls = 1;
    while replica.status(&body).await == 503 && calls < 20 {
        calls += 1;
    }

    let texts = texts(&messenger);
    assert!(calls > 1 && calls == texts.len(), "{calls} calls, {} messages", texts.len());
    for name in &names {
        assert_eq!(texts.iter().filter(|text| text.contains(name)).count(), 1, "{name}");
    }
    assert_eq!(replica.status(&body).await, 200);
}

#[tokio::test]
async fn alerts_that_alertmanager_left_out_are_counted() {
    let messenger = MemoryMessenger::default();
    let replica = Replica::new(&MemoryAlerts::default(), &messenger).await;
    let mut body = webhook(&[alert("firing", ONE)]);
    body["truncatedAlerts"] = json!(3);

    for _ in 0..2 {
        assert_eq!(replica.status(&body).await, 200);
    }

    let texts = texts(&messenger);
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].ends_with("\n\nand 3 more alerts"), "{texts:?}");
}

#[tokio::test]
async fn what_is_not_alertmanagers_gets_400_and_nothing_is_sent() {
    let messenger = MemoryMessenger::default();
    let replica = Replica::new(&MemoryAlerts::default(), &messenger).await;
    let with = |path: &str, value: Value| {
        let mut body = webhook(&[alert("firing", ONE), alert("firing", OTHER)]);
        *body.pointer_mut(path).unwrap() = value;
        body.to_string()
    };
    let without = |pointer: &str, member: &str| {
        let mut body = webhook(&[alert("firing", ONE)]);
        body.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap().remove(member).unwrap();
        body.to_string()
    };
    for (body, field) in [
        (String::new(), "body"),
        ("hello".to_owned(), "body"),
        ("[]".to_owned(), "body"),
        ("{\"version\":\"4\"".to_owned(), "body"),
        ("{}".to_owned(), "version"),
        (with("/version", json!("3")), "version"),
        (with("/version", json!(4)), "version"),
        (without("", "alerts"), "alerts"),
        (with("/truncatedAlerts", json!("secret")), "truncatedAlerts"),
        (with("/alerts", json!([])), "alerts"),
        (with("/alerts", json!(vec![alert("firing", ONE); 101])), "alerts"),
        (with("/alerts/1", json!(7)), "alerts[1]"),
        (with("/alerts/1/status", json!("secret")), "alerts[1].status"),
        (with("/alerts/1/startsAt", json!("secret")), "alerts[1].startsAt"),
        (with("/alerts/1/startsAt", json!("-5000-01-01T00:00:00Z")), "alerts[1].startsAt"),
        (with("/alerts/1/startsAt", json!("+12026-01-01T00:00:00Z")), "alerts[1].startsAt"),
        (with("/alerts/1/labels", json!({})), "alerts[1].labels.alertname"),
        (with("/alerts/1/labels/alertname", json!(" ")), "alerts[1].labels.alertname"),
        (with("/alerts/1/labels/severity", json!(1)), "alerts[1].labels.severity"),
        (with("/alerts/1/fingerprint", json!("secret")), "alerts[1].fingerprint"),
        (with("/alerts/1/annotations", json!("secret")), "alerts[1].annotations"),
        (without("/alerts/0", "fingerprint"), "fingerprint"),
        (without("/alerts/0", "startsAt"), "startsAt"),
    ] {
        let (status, said) = replica.post(body.clone()).await;

        assert_eq!(status, 400, "{body}: {said}");
        assert!(said.contains(field) && !said.contains("secret"), "{field}: {said}");
    }
    let (status, _) = replica.post("x".repeat(600 * 1024)).await;
    assert_eq!(status, 413);
    assert!(texts(&messenger).is_empty());
}

#[tokio::test]
async fn an_alert_that_the_messenger_refuses_is_told_when_alertmanager_repeats_it() {
    let messenger = MemoryMessenger::default();
    let replica = Replica::new(&MemoryAlerts::default(), &messenger).await;
    let errors = [
        MessengerError::Unreachable("down".to_owned()),
        MessengerError::RateLimited(Duration::from_secs(1)),
        MessengerError::Rejected("no chat".to_owned()),
    ];
    messenger.script(errors.clone().map(Reply::Error));

    for _ in errors {
        assert_eq!(replica.status(&webhook(&[alert("firing", ONE)])).await, 503);
    }
    assert_eq!(replica.status(&webhook(&[alert("firing", ONE)])).await, 200);
    assert_eq!(replica.status(&webhook(&[alert("firing", ONE)])).await, 200);

    assert_eq!(texts(&messenger).len(), 1);
}

#[tokio::test]
async fn an_alert_without_an_answer_is_repeated_once() {
    let messenger = MemoryMessenger::default();
    let replica = Replica::new(&MemoryAlerts::default(), &messenger).await;
    let unanswered = || Reply::Error(MessengerError::Unknown("silence".to_owned()));
    messenger.script([unanswered(), unanswered()]);

    assert_eq!(replica.status(&webhook(&[alert("firing", ONE)])).await, 503);
    assert_eq!(replica.status(&webhook(&[alert("firing", ONE)])).await, 200, "the last attempt");
    assert_eq!(replica.status(&webhook(&[alert("firing", ONE)])).await, 200);

    assert!(texts(&messenger).is_empty(), "a third attempt would have been accepted");
}
