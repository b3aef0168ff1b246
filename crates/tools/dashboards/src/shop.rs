//! The dashboard *Shop*.

use crate::{Dashboard, Link, Panel, Query};

pub const DASHBOARD: Dashboard = Dashboard {
    uid: "shop",
    title: "Shop",
    description: "What do customers buy, and how does it end?",
    panels: &[
        Panel {
            title: "Orders per minute",
            description: "Created, paid and cancelled.",
            unit: "short",
            limit: None,
            queries: &[
                Query { expr: "60 * sum(rate(orders_total[$__rate_interval]))", legend: "created" },
                Query { expr: "60 * sum(rate(orders_paid_total[$__rate_interval]))", legend: "paid" },
                Query { expr: "60 * sum(rate(orders_cancelled_total[$__rate_interval]))", legend: "cancelled" },
            ],
            link: Link::Dashboard("services"),
        },
        Panel {
            title: "Revenue per minute",
            description: "Paid orders, in units of the currency; the metric counts hundredths.",
            unit: "short",
            limit: None,
            queries: &[Query {
                expr: "60 * sum(rate(orders_revenue_total[$__rate_interval])) / 100",
                legend: "revenue",
            }],
            link: Link::Dashboard("services"),
        },
        Panel {
            title: "Payments per minute",
            description: "By method and outcome.",
            unit: "short",
            limit: None,
            queries: &[Query {
                expr: "60 * sum by (method, status) (rate(payments_total[$__rate_interval]))",
                legend: "{{method}} {{status}}",
            }],
            link: Link::Runbook("paymentunknown"),
        },
        Panel {
            title: "Payments without a known outcome",
            description: "An alert begins after a minute above 0.",
            unit: "short",
            limit: Some(1.0),
            queries: &[
                Query { expr: "max(payments_pending)", legend: "payments" },
                Query { expr: "max(refunds_pending)", legend: "refunds" },
                Query { expr: "max(payment_attempts_unsettled)", legend: "orders" },
            ],
            link: Link::Runbook("paymentunknown"),
        },
        Panel {
            title: "Largest share of a part in unpaid orders",
            description: "An alert begins after ten minutes above 80 %.",
            unit: "percentunit",
            limit: Some(0.8),
            queries: &[Query { expr: "max(inventory_unpaid_share)", legend: "share" }],
            link: Link::Runbook("partsheldunpaid"),
        },
        Panel {
            title: "How long does a ship take to build?",
            description: "Median and 99th percentile.",
            unit: "s",
            limit: None,
            queries: &[
                Query {
                    expr: "histogram_quantile(0.5, sum by (le) (rate(assembly_duration_seconds_bucket[$__rate_interval])))",
                    legend: "p50",
                },
                Query {
                    expr: "histogram_quantile(0.99, sum by (le) (rate(assembly_duration_seconds_bucket[$__rate_interval])))",
                    legend: "p99",
                },
            ],
            link: Link::Dashboard("events"),
        },
        Panel {
            title: "Messages to customers per minute",
            description: "By kind. Failed ones are those that the messenger rejected.",
            unit: "short",
            limit: None,
            queries: &[
                Query {
                    expr: "60 * sum by (kind) (rate(notifications_sent_total[$__rate_interval]))",
                    legend: "{{kind}} sent",
                },
                Query {
                    expr: "60 * sum by (kind) (rate(notifications_failed_total[$__rate_interval]))",
                    legend: "{{kind}} failed",
                },
            ],
            link: Link::Dashboard("events"),
        },
    ],
};
