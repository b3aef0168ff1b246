//! The dashboard *Overview*.

use crate::{Dashboard, Link, Panel, Query};

pub const DASHBOARD: Dashboard = Dashboard {
    uid: "overview",
    title: "Overview",
    description: "Is anything wrong, and how much of the objectives is left?",
    panels: &[
        Panel {
            title: "Which alerts fire?",
            description: "Alerts that fire or are about to.",
            unit: "short",
            limit: None,
            queries: &[Query {
                expr: "sum by (alertname, service, alertstate) (ALERTS) or vector(0)",
                legend: "{{alertname}} {{service}} {{alertstate}}",
            }],
            link: Link::Runbook("runbooks"),
        },
        Panel {
            title: "How much of each budget is left?",
            description: "1 is the whole budget of three days; below 0 the objective is missed.",
            unit: "percentunit",
            limit: None,
            queries: &[Query { expr: "objective:error_budget_left:ratio", legend: "{{objective}}" }],
            link: Link::Runbook("a-budget-burns"),
        },
        Panel {
            title: "How fast do the budgets burn?",
            description: "1 uses the budget exactly; a page begins at 14.4.",
            unit: "short",
            limit: Some(14.4),
            queries: &[Query {
                expr: "objective:error_ratio:1h / objective:error_budget:ratio",
                legend: "{{objective}}",
            }],
            link: Link::Runbook("a-budget-burns"),
        },
        Panel {
            title: "Orders per minute",
            description: "Orders that were created, and those that were paid.",
            unit: "short",
            limit: Some(10.0),
            queries: &[
                Query { expr: "60 * sum(rate(orders_total[$__rate_interval]))", legend: "created" },
                Query { expr: "60 * sum(rate(orders_paid_total[$__rate_interval]))", legend: "paid" },
            ],
            link: Link::Dashboard("shop"),
        },
        Panel {
            title: "Share of requests with a 5xx",
            description: "HTTP, by service. An alert begins at 5 %.",
            unit: "percentunit",
            limit: Some(0.05),
            queries: &[
                Query {
                    expr: r#"sum by (service) (rate(http_requests_total{status=~"5.."}[$__rate_interval])) / sum by (service) (rate(http_requests_total[$__rate_interval]))"#,
                    legend: "{{service}}",
                },
                Query { expr: "sum(rate(http_requests_total[$__rate_interval])) * 0", legend: "none" },
            ],
            link: Link::Dashboard("services"),
        },
        Panel {
            title: "Targets that answer",
            description: "Replicas of each service that Prometheus reaches.",
            unit: "short",
            limit: None,
            queries: &[Query { expr: "sum by (service) (up)", legend: "{{service}}" }],
            link: Link::Runbook("servicedown"),
        },
    ],
};
