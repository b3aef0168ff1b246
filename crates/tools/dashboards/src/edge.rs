//! The dashboard *Edge*.

use crate::{Dashboard, Link, Panel, Query};

pub const DASHBOARD: Dashboard = Dashboard {
    uid: "edge",
    title: "Edge",
    description: "What do callers from outside get?",
    panels: &[
        Panel {
            title: "HTTP answers per second",
            description: "By service and status.",
            unit: "reqps",
            limit: None,
            queries: &[Query {
                expr: "sum by (service, status) (rate(http_requests_total[$__rate_interval]))",
                legend: "{{service}} {{status}}",
            }],
            link: Link::Dashboard("services"),
        },
        Panel {
            title: "Answers of the gateway per second",
            description: "By class, and those with a 5xx by port. Only in containers.",
            unit: "reqps",
            limit: None,
            queries: &[
                Query {
                    expr: "sum by (envoy_response_code_class) (rate(envoy_http_downstream_rq_xx[$__rate_interval]))",
                    legend: "{{envoy_response_code_class}}xx",
                },
                Query {
                    expr: r#"sum by (envoy_http_conn_manager_prefix) (rate(envoy_http_downstream_rq_xx{envoy_response_code_class="5"}[$__rate_interval]))"#,
                    legend: "5xx {{envoy_http_conn_manager_prefix}}",
                },
            ],
            link: Link::Runbook("toomanyerrors"),
        },
        Panel {
            title: "Log-ins per second",
            description: "By outcome. Many that failed are guesses.",
            unit: "short",
            limit: None,
            queries: &[Query {
                expr: "sum by (outcome) (rate(iam_logins_total[$__rate_interval]))",
                legend: "{{outcome}}",
            }],
            link: Link::Runbook("guessed-passwords"),
        },
        Panel {
            title: "Security events per second",
            description: "As docs/security-events.md lists them.",
            unit: "short",
            limit: None,
            queries: &[Query {
                expr: "sum by (event) (rate(security_events_total[$__rate_interval]))",
                legend: "{{event}}",
            }],
            link: Link::Runbook("security-events"),
        },
        Panel {
            title: "Orders of other shops per minute",
            description: "What intake stored, and what it refused.",
            unit: "short",
            limit: None,
            queries: &[Query {
                expr: "60 * sum by (outcome) (rate(intake_orders_total[$__rate_interval]))",
                legend: "{{outcome}}",
            }],
            link: Link::Dashboard("events"),
        },
        Panel {
            title: "Requests to intake's cache per second",
            description: "By outcome.",
            unit: "reqps",
            limit: None,
            queries: &[Query {
                expr: "sum by (outcome) (rate(intake_cache_requests_total[$__rate_interval]))",
                legend: "{{outcome}}",
            }],
            link: Link::Dashboard("services"),
        },
        Panel {
            title: "Loans and checks of identities per minute",
            description: "By outcome.",
            unit: "short",
            limit: None,
            queries: &[
                Query { expr: "60 * sum by (status) (rate(loans_total[$__rate_interval]))", legend: "loan {{status}}" },
                Query {
                    expr: "60 * sum by (outcome) (rate(kyc_checks_total[$__rate_interval]))",
                    legend: "check {{outcome}}",
                },
            ],
            link: Link::Runbook("customers-and-loans-that-wait"),
        },
    ],
};
