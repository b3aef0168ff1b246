//! Each panel of Grafana's dashboards has a unit, a description, queries and a link to where to look next.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::tree::{files, read, root, shown};

const FOLDER: &str = "deploy/observability/grafana/dashboards/json";
const RUNBOOKS: &str = "/docs/operations.md#";

#[test]
fn every_panel_has_a_unit_and_a_description_and_leads_one_step_down() {
    let operations = read(&root().join("docs/operations.md"));
    let is_kept = |letter: &char| letter.is_alphanumeric() || [' ', '-'].contains(letter);
    let headings: BTreeSet<String> = operations
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase().chars().filter(is_kept).collect::<String>())
        .map(|heading| heading.replace(' ', "-"))
        .collect();

    for file in files(&root().join(FOLDER), "json") {
        let dashboard: Value = serde_json::from_str(&read(&file)).expect("a dashboard is JSON");
        assert_eq!(file.file_stem().and_then(|stem| stem.to_str()), dashboard["uid"].as_str(), "{}", shown(&file));
        let mut titles = BTreeSet::new();
        for panel in dashboard["panels"].as_array().expect("a dashboard has panels") {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (title, link) = (text(&panel["title"]), text(&panel["links"][0]["url"]));
            let shown = format!("{}: {title}", shown(&file));
            assert!(titles.insert(title), "{shown}: two panels have one title");
            assert!(text(&panel["description"]).ends_with('.'), "{shown}: a description is a sentence");
            assert!(!text(&panel["fieldConfig"]["defaults"]["unit"]).is_empty(), "{shown}: it has no unit");
            assert!(!text(&panel["targets"][0]["expr"]).is_empty(), "{shown}: it has no query");
            let uid = link.strip_prefix("/d/").and_then(|rest| rest.split('?').next());
            let leads = match link.split_once(RUNBOOKS) {
                Some((_, heading)) => headings.contains(heading),
                None => uid.map_or(link.contains("/search?service="), |uid| {
                    root().join(FOLDER).join(format!("{uid}.json")).exists()
                }),
            };
            assert!(leads, "{shown}: it leads to no runbook, dashboard or trace: {link}");
        }
    }
}
