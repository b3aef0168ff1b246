//! The JSON of a dashboard, as Grafana provisions it from a file.

use serde_json::{Value, json};

use crate::{Dashboard, Link, Panel};

/// The version of the format. Grafana 12 migrates older ones when it loads them, and would refuse newer ones.
const SCHEMA: u32 = 39;
/// Two panels stand side by side in Grafana's 24 columns.
const WIDTH: usize = 12;
const HEIGHT: usize = 8;
const RUNBOOKS: &str = "https://github.com/shipyard-rs/shipyard/blob/main/docs/operations.md";

impl Dashboard {
    pub fn file(&self) -> String {
        format!("{}.json", self.uid)
    }

    pub fn json(&self) -> String {
        let panels: Vec<Value> = self.panels.iter().enumerate().map(|(index, panel)| panel.json(index)).collect();
        let dashboard = json!({
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["shipyard"],
            "schemaVersion": SCHEMA,
            "editable": false,
            "graphTooltip": 1,
            "refresh": "5s",
            "time": { "from": "now-30m", "to": "now" },
            // Every dashboard lists the others.
            "links": [{ "type": "dashboards", "title": "Shipyard", "tags": ["shipyard"], "asDropdown": false, "keepTime": true }],
            "panels": panels,
        });
        format!("{dashboard:#}\n")
    }
}

impl Panel {
    fn json(&self, index: usize) -> Value {
        let source = json!({ "type": "prometheus", "uid": "prometheus" });
        let targets = self.queries.iter().zip('A'..).map(|(query, letter)| {
            json!({
                "refId": letter.to_string(), "datasource": source, "expr": query.expr, "legendFormat": query.legend,
                "exemplar": matches!(self.link, Link::Traces),
            })
        });
        let mut steps = vec![json!({ "color": "green", "value": null })];
        steps.extend(self.limit.map(|limit| json!({ "color": "red", "value": limit })));
        json!({
            "id": index + 1,
            "type": "timeseries",
            "title": self.title,
            "description": self.description,
            "datasource": source,
            // Four scrapes, so that a rate always has samples.
            "interval": "20s",
            "gridPos": { "x": index % 2 * WIDTH, "y": index / 2 * HEIGHT, "w": WIDTH, "h": HEIGHT },
            "targets": targets.collect::<Vec<_>>(),
            "links": [self.link.json()],
            "fieldConfig": {
                "defaults": {
                    "unit": self.unit,
                    "min": 0,
                    "thresholds": { "mode": "absolute", "steps": steps },
                    "custom": { "thresholdsStyle": { "mode": if self.limit.is_some() { "line" } else { "off" } } },
                    "links": [self.link.json()],
                },
                "overrides": [],
            },
            "options": {
                "legend": { "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"] },
                "tooltip": { "mode": "multi", "sort": "desc" },
            },
        })
    }
}

impl Link {
    fn json(&self) -> Value {
        let (title, url) = match self {
            Self::Dashboard(uid) => (format!("Dashboard {uid}"), format!("/d/{uid}?${{__url_time_range}}")),
            Self::Traces => {
                ("Traces".to_owned(), "http://127.0.0.1:16686/search?service=${__field.labels.service_name}".to_owned())
            }
            Self::Runbook(heading) => ("Runbook".to_owned(), format!("{RUNBOOKS}#{heading}")),
        };
        json!({ "title": title, "url": url, "targetBlank": true })
    }
}
