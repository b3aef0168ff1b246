//! The configuration of Prometheus and Grafana: every alert and panel links to a page for the operator, and the rules
//! pass their tests.
//!
//! The checks by promtool need its image; without it they check nothing. `alertmanager.rs` tests Alertmanager, and
//! `.ci/run` the collector.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::repository::{files, read, root, shown};

const FOLDER: &str = "deploy/observability";
const COMPOSE: &str = "deploy/compose/observability.yaml";
const TARGETS: &str = "deploy/observability/containers/services.yaml";
const DASHBOARDS: &str = "deploy/observability/grafana/dashboards/json";
const OPERATIONS: &str = "docs/operations.md";

/// An alert in a file of rules: its name and the lines of its block.
struct Alert {
    name: String,
    block: String,
}

impl Alert {
    fn all() -> Vec<Self> {
        let rules = files(&root().join(FOLDER).join("rules"), "yaml");
        let text: String = rules.iter().map(|file| read(file)).collect();
        let blocks = text.split("- alert: ").skip(1);
        blocks
            .map(|block| Self { name: block.lines().next().unwrap_or_default().to_owned(), block: block.to_owned() })
            .collect()
    }

    /// Returns the text after `key:` on its line; empty if the value is on the next lines.
    fn value(&self, key: &str) -> Option<&str> {
        let line = self.block.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(": "));
        line.map(|value| value.trim_matches('"'))
    }
}

/// Returns the anchors of a document, as GitHub derives them from headings.
fn anchors(document: &str) -> BTreeSet<String> {
    let text = read(&root().join(document));
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let is_kept = |letter: &char| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter);
    headings
        .map(|heading| heading.to_lowercase().chars().filter(is_kept).collect::<String>().replace(' ', "-"))
        .collect()
}

#[test]
fn every_alert_says_what_it_means_how_urgent_it_is_and_where_its_runbook_and_its_series_are() {
    let (alerts, anchors) = (Alert::all(), anchors(OPERATIONS));
    let mut lacking = Vec::new();
    for alert in &alerts {
        let mut lacks = |what: String| lacking.push(format!("{}: {what}", alert.name));
        for key in ["summary", "description"] {
            if alert.value(key).is_none_or(str::is_empty) {
                lacks(format!("no `{key}`"));
            }
        }
        if !["page", "ticket"].iter().any(|severity| alert.block.contains(&format!("severity: {severity} "))) {
            lacks("its severity is neither page nor ticket".to_owned());
        }
        let runbook = alert.value("runbook_url").and_then(|url| url.split_once(&format!("{OPERATIONS}#")));
        if runbook.is_none_or(|(_, anchor)| !anchors.contains(anchor)) {
            lacks(format!("`runbook_url` leads to no heading of {OPERATIONS}: {runbook:?}"));
        }
        let dashboard = alert.value("dashboard_url").and_then(|url| url.strip_prefix("http://127.0.0.1:3000/d/"));
        if dashboard.is_none_or(|uid| !root().join(DASHBOARDS).join(format!("{uid}.json")).exists()) {
            lacks(format!("`dashboard_url` leads to no file of {DASHBOARDS}: {dashboard:?}"));
        }
    }

    assert!(alerts.len() >= 9, "{} alerts were found", alerts.len());
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

#[test]
fn every_alert_has_a_test() {
    let tests = files(&root().join(FOLDER).join("rules-tests"), "yaml");
    let tests: String = tests.iter().map(|file| read(file)).collect();
    let without: Vec<String> = Alert::all()
        .into_iter()
        .map(|alert| alert.name)
        .filter(|name| !tests.contains(&format!("alertname=\"{name}\", alertstate=\"firing\"")))
        .collect();

    assert!(without.is_empty(), "add a test to {FOLDER}/rules-tests: {without:?}");
}

#[test]
fn every_panel_has_a_unit_and_a_description_and_leads_one_step_down() {
    let headings = anchors(OPERATIONS);
    for file in files(&root().join(DASHBOARDS), "json") {
        let dashboard: Value = serde_json::from_str(&read(&file)).unwrap();
        let mut titles = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (title, link) = (text(&panel["title"]), text(&panel["links"][0]["url"]));
            let panel_of = format!("{}: {title}", shown(&file));
            assert!(titles.insert(title), "{panel_of}: two panels have one title");
            assert!(text(&panel["description"]).ends_with('.'), "{panel_of}: a description is a sentence");
            assert!(!text(&panel["fieldConfig"]["defaults"]["unit"]).is_empty(), "{panel_of}: it has no unit");
            assert!(!text(&panel["targets"][0]["expr"]).is_empty(), "{panel_of}: it has no query");
            let uid = link.strip_prefix("/d/").and_then(|rest| rest.split('?').next());
            let leads = match (link.split_once(&format!("/{OPERATIONS}#")), uid) {
                (Some((_, heading)), _) => headings.contains(heading),
                (None, Some(uid)) => root().join(DASHBOARDS).join(format!("{uid}.json")).exists(),
                (None, None) => link.contains("/search?service="),
            };
            assert!(leads, "{panel_of}: it leads to no runbook, dashboard or trace: {link}");
        }
    }
}

#[test]
fn prometheus_scrapes_the_gateway_at_a_port_that_is_not_published() {
    let targets = read(&root().join(TARGETS));
    let target = targets.split_once("\"gateway:").and_then(|(_, rest)| rest.split_once('"'));
    let (port, _) = target.expect("the gateway is a target");
    let listener = format!("address: 0.0.0.0, port_value: {port} }}");
    let published = format!(":{port}\"");

    assert!(read(&root().join("deploy/envoy/envoy.yaml")).contains(&listener), "envoy.yaml has no listener {port}");
    for file in files(&root().join("deploy/compose"), "yaml") {
        assert!(!read(&file).contains(&published), "{} publishes {port}", shown(&file));
    }
}

/// Runs promtool from the image of the profile `observability`; /etc/shipyard is the folder of the configuration.
/// Checks nothing without Docker or the image.
fn promtool(arguments: &[&str]) {
    let compose = read(&root().join(COMPOSE));
    let image = compose.lines().find_map(|line| {
        let name = line.trim().strip_prefix("image: ")?;
        name.contains("prom/prometheus:").then_some(name)
    });
    let image = image.expect("the compose file has the image");
    let mut exists = Command::new("docker");
    exists.args(["image", "inspect", image]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if !exists.status().is_ok_and(|status| status.success()) {
        eprintln!("no image {image}: {arguments:?} is not checked");
        return;
    }
    let folder = format!("{}:/etc/shipyard:ro", root().join(FOLDER).display());
    let targets = format!("{}:/etc/prometheus/targets:ro", root().join(FOLDER).join("containers").display());
    let rules = format!("{}:/etc/prometheus/rules:ro", root().join(FOLDER).join("rules").display());
    let mut docker = Command::new("docker");
    docker.args(["run", "--rm", "--network", "none", "--entrypoint", "promtool"]);
    docker.args(["--volume", &folder, "--volume", &targets, "--volume", &rules, image]).args(arguments);
    let output = docker.stdin(Stdio::null()).output().expect("docker has just answered");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "promtool {arguments:?}:\n{said}");
}

#[test]
fn each_alert_fires_stays_silent_and_resolves() {
    let tests = files(&root().join(FOLDER).join("rules-tests"), "yaml");
    assert!(!tests.is_empty(), "{FOLDER}/rules-tests has no files");
    let tests: Vec<String> = tests.iter().map(|file| shown(file).replace(FOLDER, "/etc/shipyard")).collect();
    let arguments: Vec<&str> = ["test", "rules"].into_iter().chain(tests.iter().map(String::as_str)).collect();

    promtool(&arguments);
}

#[test]
fn prometheus_accepts_its_configuration_and_rules() {
    promtool(&["check", "config", "--lint=all", "--lint-fatal", "/etc/shipyard/prometheus.yaml"]);
}
