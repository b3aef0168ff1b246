//! The dashboard *Delivery*.

use crate::{Dashboard, Link, Panel, Query};

pub const DASHBOARD: Dashboard = Dashboard {
    uid: "delivery",
    title: "Delivery",
    description: "Do ships arrive?",
    panels: &[
        Panel {
            title: "Deliveries under way",
            description: "CREATED wait for a courier; an alert begins after 5 min.",
            unit: "short",
            limit: None,
            queries: &[Query { expr: "max by (status) (deliveries)", legend: "{{status}}" }],
            link: Link::Runbook("deliverywaits"),
        },
        Panel {
            title: "Couriers",
            description: "Free and busy ones.",
            unit: "short",
            limit: None,
            queries: &[Query { expr: "max by (state) (couriers)", legend: "{{state}}" }],
            link: Link::Runbook("deliverywaits"),
        },
        Panel {
            title: "How long does a delivery take?",
            description: "From the end of the assembly; median and 99th percentile. The objective is 30 s.",
            unit: "s",
            limit: Some(30.0),
            queries: &[
                Query {
                    expr: "histogram_quantile(0.5, sum by (le) (rate(delivery_duration_seconds_bucket[$__rate_interval])))",
                    legend: "p50",
                },
                Query {
                    expr: "histogram_quantile(0.99, sum by (le) (rate(delivery_duration_seconds_bucket[$__rate_interval])))",
                    legend: "p99",
                },
            ],
            link: Link::Runbook("a-budget-burns"),
        },
        Panel {
            title: "Steps of the couriers per second",
            description: "Ticks, and those that were more than 100 ms late.",
            unit: "short",
            limit: None,
            queries: &[
                Query { expr: "sum(rate(delivery_ticks_total[$__rate_interval]))", legend: "ticks" },
                Query { expr: "sum(rate(delivery_late_ticks_total[$__rate_interval]))", legend: "late" },
            ],
            link: Link::Dashboard("services"),
        },
    ],
};
