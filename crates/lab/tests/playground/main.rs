//! `lab playground`: payment is killed in the middle of an order's charge, at the visitor's choice. Some fifteen
//! processes run, so this is a separate test program: cargo runs test programs one after another.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use servers::process::{Signal, is_alive, kill};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::{sleep, timeout},
};

/// The machines of CI are small and busy.
const START_TIMEOUT: Duration = Duration::from_mins(3);
const TIMEOUT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_chosen_fault_is_a_span_of_an_order_that_is_completed_with_a_receipt_and_no_process_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let (mut lab, console) = start(directory.path()).await;
    let http = platform::http::client(Duration::from_secs(20)).unwrap();
    let url = |path: &str| format!("{console}/console{path}");
    let account = json!({ "login": "visitor", "email": "visitor@example.com", "password": "SecurePassword123!" });
    let registered = http.post(url("/api/register")).header("origin", &console).json(&account).send().await.unwrap();
    let cookie = registered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let get = async |path: &str, accept: &str| {
        let request = http.get(url(path)).header("cookie", &cookie).header("accept", accept);
        request.send().await.unwrap().text().await.unwrap()
    };
    let read =
        async |path: &str| serde_json::from_str::<Value>(&get(path, "application/json").await).unwrap_or_default();
    let post = async |path: &str, body: &Value| {
        let request = http.post(url(path)).header("cookie", &cookie).header("origin", &console).json(body);
        let response = request.header("idempotency-key", path).send().await.unwrap();
        serde_json::from_str::<Value>(&response.text().await.unwrap()).unwrap_or_default()
    };
    let part = read("/api/parts").await["parts"][0]["uuid"].clone();
    let order = post("/api/orders", &json!({ "part_uuids": [part] })).await["order_uuid"].as_str().unwrap().to_owned();
    let page = get(&format!("/orders/{order}"), "text/html").await;
    let (_, after) = page.split_once("<iframe class=\"card playground\" src=\"").unwrap();
    let panel = after.split_once("/\"").unwrap().0.to_owned();

    // Another site cannot choose a fault, and nor can a name of another site that leads to the panel.
    let choose = format!("{panel}/faults/charge-commit");
    let status = async |headers: &[(&str, &str)]| {
        let request = headers.iter().fold(http.post(&choose), |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(&[]).await, 403);
    assert_eq!(status(&[("origin", console.as_str())]).await, 403);
    assert_eq!(status(&[("origin", panel.as_str()), ("host", "evil.example")]).await, 421);
    assert_eq!(status(&[("origin", panel.as_str())]).await, 202);
    assert_eq!(status(&[("origin", panel.as_str())]).await, 409, "one fault at a time");
    // The visitor pays when the panel says that the fault waits for it.
    sleep(Duration::from_secs(1)).await;
    post(&format!("/api/orders/{order}/pay"), &json!({ "payment_method": "CARD" })).await;
    let path = format!("/api/orders/{order}");
    eventually(async || read(&path).await["status"] == "ASSEMBLED").await;

    let timeline = get(&format!("/orders/{order}/timeline"), "text/html").await;
    assert!(timeline.contains(r#"<g class="band trouble">"#) && timeline.contains(">Kill payment<"), "{timeline}");
    assert!(timeline.contains(">payment asked again<"), "{timeline}");
    let receipt = format!("/api/orders/{order}/receipt");
    eventually(async || {
        let checks = read(&receipt).await["checks"].as_array().cloned().unwrap_or_default();
        !checks.is_empty() && checks.iter().all(|check| check["state"] == "held")
    })
    .await;
    assert_eq!(get(&receipt, "application/jose").await.split('.').count(), 3, "a signed receipt");

    let pid = lab.id().unwrap().cast_signed();
    let started = descendants(pid);
    assert!(started.len() > 15, "{started:?}");
    kill(pid, Signal::INT).unwrap();
    let ended = timeout(TIMEOUT, lab.wait()).await.expect("it ends after Ctrl-C").unwrap();
    assert!(ended.success(), "{ended}");
    eventually(async || !started.iter().any(|pid| is_alive(*pid))).await;
}

/// Starts the playground, and returns it with the origin of its console.
async fn start(directory: &Path) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("--data").arg(directory).arg("playground").current_dir(directory).env_clear();
    for name in ["PATH", "HOME"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    let mut lab = command.spawn().unwrap();
    let mut lines = BufReader::new(lab.stdout.take().unwrap()).lines();
    let console = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("it starts");
            if let Some((console, _)) = line.strip_prefix("open ").and_then(|rest| rest.split_once("/console/")) {
                return console.to_owned();
            }
        }
    };
    let console = timeout(START_TIMEOUT, console).await.expect("it starts in time");
    (lab, console)
}

async fn eventually(holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < TIMEOUT, "it does not come about");
        sleep(Duration::from_millis(200)).await;
    }
}

/// Returns the processes that a process has started, and that these have started.
fn descendants(of: i32) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let parents: Vec<(i32, i32)> = pids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(one) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, parent)| *parent == one).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// Reads the fourth field; the second, a name in parentheses, may have spaces.
fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
