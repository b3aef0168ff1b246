//! The dashboard *Events*.

use crate::{Dashboard, Link, Panel, Query};

pub const DASHBOARD: Dashboard = Dashboard {
    uid: "events",
    title: "Events",
    description: "Do events flow, and how late are they?",
    panels: &[
        Panel {
            title: "Events that wait in outboxes",
            description: "All rows that are not published.",
            unit: "short",
            limit: None,
            queries: &[Query { expr: "max by (service, outbox) (outbox_unpublished)", legend: "{{outbox}}" }],
            link: Link::Runbook("outboxstuck"),
        },
        Panel {
            title: "Age of the oldest unpublished event",
            description: "An alert begins at 30 s.",
            unit: "s",
            limit: Some(30.0),
            queries: &[Query { expr: "max by (service, outbox) (outbox_oldest_seconds)", legend: "{{outbox}}" }],
            link: Link::Runbook("outboxstuck"),
        },
        Panel {
            title: "Messages that a group has not handled",
            description: "By group and topic. An alert begins at 1 000 in one partition.",
            unit: "short",
            limit: Some(1_000.0),
            queries: &[Query {
                expr: "sum by (group, topic) (max by (group, topic, partition) (kafka_consumer_lag))",
                legend: "{{group}} {{topic}}",
            }],
            link: Link::Runbook("consumerlag"),
        },
        Panel {
            title: "How old is an event when it is handled?",
            description: "99th percentile of the time since its commit, by group. The objective is 1 s.",
            unit: "s",
            limit: Some(1.0),
            queries: &[Query {
                expr: "histogram_quantile(0.99, sum by (le, group) (rate(event_age_seconds_bucket[$__rate_interval])))",
                legend: "{{group}}",
            }],
            link: Link::Dashboard("services"),
        },
        Panel {
            title: "Messages handled per second",
            description: "By group.",
            unit: "short",
            limit: None,
            queries: &[Query {
                expr: "sum by (group) (rate(kafka_messages_handled_total[$__rate_interval]))",
                legend: "{{group}}",
            }],
            link: Link::Dashboard("services"),
        },
        Panel {
            title: "Retries per second",
            description: "Messages that are retried in place, while their partition waits.",
            unit: "short",
            limit: None,
            queries: &[Query {
                expr: "sum by (group) (rate(kafka_message_retries_total[$__rate_interval]))",
                legend: "{{group}}",
            }],
            link: Link::Runbook("a-consumer-that-retries"),
        },
        Panel {
            title: "Dead letters within 5 min",
            description: "An alert begins at one.",
            unit: "short",
            limit: Some(1.0),
            queries: &[Query { expr: "sum by (group) (increase(kafka_dead_letters_total[5m]))", legend: "{{group}}" }],
            link: Link::Runbook("deadletter"),
        },
        Panel {
            title: "Events that are set aside",
            description: "They have no route, or the broker refuses them.",
            unit: "short",
            limit: Some(1.0),
            queries: &[Query { expr: "max by (outbox) (outbox_unroutable)", legend: "{{outbox}}" }],
            link: Link::Runbook("unroutable-events"),
        },
    ],
};
