//! The dashboard *Services*.

use crate::{Dashboard, Link, Panel, Query};

pub const DASHBOARD: Dashboard = Dashboard {
    uid: "services",
    title: "Services",
    description: "Which service is slow or fails?",
    panels: &[
        Panel {
            title: "HTTP requests per second",
            description: "By service and route.",
            unit: "reqps",
            limit: None,
            queries: &[Query {
                expr: "sum by (service, route) (rate(http_requests_total[$__rate_interval]))",
                legend: "{{service}} {{route}}",
            }],
            link: Link::Dashboard("edge"),
        },
        Panel {
            title: "gRPC calls per second",
            description: "By service and RPC.",
            unit: "reqps",
            limit: None,
            queries: &[Query {
                expr: r#"sum by (service, rpc) (rate(grpc_server_handled_total{rpc!~".*health.*"}[$__rate_interval]))"#,
                legend: "{{service}} {{rpc}}",
            }],
            link: Link::Dashboard("edge"),
        },
        Panel {
            title: "Failures per second",
            description: "HTTP 5xx, and gRPC Internal and Unavailable.",
            unit: "reqps",
            limit: None,
            queries: &[
                Query {
                    expr: r#"sum by (service, route) (rate(http_requests_total{status=~"5.."}[$__rate_interval]))"#,
                    legend: "{{service}} {{route}}",
                },
                Query {
                    expr: r#"sum by (service) (rate(grpc_server_handled_total{code=~"13|14"}[$__rate_interval]))"#,
                    legend: "{{service}} gRPC",
                },
            ],
            link: Link::Runbook("toomanyerrors"),
        },
        Panel {
            title: "How long do spans take?",
            description: "99th percentile by service and span. The points are exemplars: each leads to its trace.",
            unit: "ms",
            limit: None,
            queries: &[Query {
                expr: "histogram_quantile(0.99, sum by (le, service_name, span_name) (rate(traces_span_metrics_duration_milliseconds_bucket[$__rate_interval])))",
                legend: "{{service_name}} {{span_name}}",
            }],
            link: Link::Traces,
        },
        Panel {
            title: "How long do HTTP requests take?",
            description: "99th percentile by service and route.",
            unit: "s",
            limit: Some(0.5),
            queries: &[Query {
                expr: "histogram_quantile(0.99, sum by (le, service, route) (rate(http_request_duration_seconds_bucket[$__rate_interval])))",
                legend: "{{service}} {{route}}",
            }],
            link: Link::Dashboard("overview"),
        },
        Panel {
            title: "How long do gRPC calls take?",
            description: "99th percentile by service and RPC.",
            unit: "s",
            limit: None,
            queries: &[Query {
                expr: "histogram_quantile(0.99, sum by (le, service, rpc) (rate(grpc_server_handling_seconds_bucket[$__rate_interval])))",
                legend: "{{service}} {{rpc}}",
            }],
            link: Link::Dashboard("events"),
        },
        Panel {
            title: "Circuit breakers",
            description: "0 is closed, 1 half-open, 2 open.",
            unit: "short",
            limit: Some(2.0),
            queries: &[Query {
                expr: "max by (service, peer) (circuit_breaker_state)",
                legend: "{{service}} to {{peer}}",
            }],
            link: Link::Runbook("breakeropen"),
        },
        Panel {
            title: "Replicas that a service finds",
            description: "Replicas of each peer that serve, as their callers see them.",
            unit: "short",
            limit: None,
            queries: &[Query {
                expr: r#"min by (service, peer) (peer_replicas{state="serving"})"#,
                legend: "{{service}} to {{peer}}",
            }],
            link: Link::Runbook("breakeropen"),
        },
        Panel {
            title: "Refused for want of capacity, per second",
            description: "Requests above a bound of the service or of one user.",
            unit: "reqps",
            limit: None,
            queries: &[
                Query { expr: "sum by (service) (rate(requests_shed_total[$__rate_interval]))", legend: "{{service}}" },
                Query {
                    expr: "sum by (service) (rate(requests_of_one_user_shed_total[$__rate_interval]))",
                    legend: "{{service}}, one user",
                },
            ],
            link: Link::Runbook("limits"),
        },
        Panel {
            title: "Telemetry that was dropped, per second",
            description: "Spans and log records that the collector did not take.",
            unit: "short",
            limit: None,
            queries: &[Query {
                expr: "sum by (service, signal) (rate(telemetry_dropped_total[$__rate_interval]))",
                legend: "{{service}} {{signal}}",
            }],
            link: Link::Runbook("observability"),
        },
    ],
};
