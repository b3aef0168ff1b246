//! The shipped Alertmanager, in its container, in front of a stand-in for Telegram.

use std::{
    net::TcpListener,
    process::{Command, Output, Stdio},
    time::Duration,
};

use platform::ids;
use serde_json::json;
use stand_ins::Telegram;
use testkit::eventually;

const IMAGE: &str = "prom/alertmanager:v0.28.1";
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/observability");
const TOKEN: &str = "774242:a-token-of-a-test";
const CHAT: &str = "-1007742";

/// Alertmanager as compose starts it, which is removed when dropped.
struct Alertmanager {
    container: String,
    url: String,
    http: reqwest::Client,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        docker(&["rm", "--force", &self.container]);
    }
}

impl Alertmanager {
    fn start(telegram: &Telegram) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let container = format!("alertmanager-{}", ids::random().simple());
        let (volume, listen) = (format!("{FOLDER}:/etc/alertmanager:ro"), format!("--web.listen-address={free}"));
        let variables = [
            format!("TELEGRAM_BOT_TOKEN={TOKEN}"),
            format!("TELEGRAM_CHAT_ID={CHAT}"),
            format!("TELEGRAM_API_URL={}", telegram.url()),
        ];
        let mut arguments = vec!["run", "--detach", "--network", "host", "--read-only", "--name", &container];
        arguments.extend(["--tmpfs", "/tmp", "--tmpfs", "/alertmanager", "--volume", &volume]);
        arguments.extend(variables.iter().flat_map(|variable| ["--env", variable]));
        arguments.extend(["--entrypoint", "/etc/alertmanager/alertmanager", IMAGE]);
        arguments.extend(["--storage.path=/alertmanager", "--cluster.listen-address=", &listen]);
        let output = docker(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let http = platform::http::client(Duration::from_secs(10)).unwrap();
        Self { container, url: format!("http://{free}/api/v2/alerts"), http }
    }

    /// Reports an alert as Prometheus does, with the time at which it has ended.
    async fn report(&self, ended: Option<&str>) {
        let mut alert = json!({
            "labels": { "alertname": "ServiceDown", "service": "order", "severity": "page" },
            "annotations": { "summary": "order does not answer", "runbook_url": "https://runbook/a_b" },
            "startsAt": "2026-11-25T17:00:00Z",
        });
        if let Some(ended) = ended {
            alert["endsAt"] = ended.into();
        }
        eventually(async || {
            let sent = self.http.post(&self.url).json(&[&alert]).send().await;
            sent.is_ok_and(|response| response.status() == 200).then_some(())
        })
        .await;
    }
}

fn docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[tokio::test]
async fn an_alert_is_told_once_each_time_it_fires_and_once_each_time_it_has_resolved() {
    let image = Command::new("docker").args(["image", "inspect", IMAGE]).stdin(Stdio::null()).output();
    if !image.is_ok_and(|output| output.status.success()) {
        eprintln!("no image {IMAGE}: the test is skipped");
        return;
    }
    let telegram = Telegram::start(TOKEN).await.unwrap();
    let alertmanager = Alertmanager::start(&telegram);
    let told = async |number: usize| eventually(async || (telegram.messages().len() >= number).then_some(())).await;

    alertmanager.report(None).await;
    told(1).await;
    alertmanager.report(None).await;
    alertmanager.report(Some("2026-11-25T17:01:00Z")).await;
    told(2).await;
    // The alert fires again with the same start time, as after a gap in Prometheus' evaluation.
    alertmanager.report(None).await;
    told(3).await;

    let messages = telegram.messages();
    let texts: Vec<&str> = messages.iter().map(|message| message.text.trim()).collect();
    let text = |status: &str| format!("{status}: ServiceDown (page)\norder does not answer\n\nhttps://runbook/a_b");
    assert_eq!(texts, [text("FIRING"), text("RESOLVED"), text("FIRING")]);
    assert!(messages.iter().all(|message| message.chat == CHAT), "{messages:?}");
}
