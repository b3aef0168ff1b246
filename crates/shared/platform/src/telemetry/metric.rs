//! The metrics of this process in Prometheus' text format, and their catalogue: names and meanings. docs/metrics.md
//! lists it, and a test compares it with what a process exports.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    /// The names of its labels in alphabetical order.
    pub labels: &'static [&'static str],
    /// The meaning and, unless the name says it, the unit.
    pub meaning: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    /// Returns the name of the type in Prometheus' text format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Metric {
    pub const fn counter(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Self {
        Self { name, kind: Kind::Counter, labels, meaning }
    }

    pub const fn gauge(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, labels, meaning }
    }

    pub const fn histogram(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Self {
        Self { name, kind: Kind::Histogram, labels, meaning }
    }
}

/// Exports a service's version, and the meanings of [`METRICS`] and of its own metrics as their `# HELP` lines.
pub fn describe(service: &'static str, version: &'static str, own: &'static [Metric]) {
    metrics::gauge!("build_info", "service" => service, "version" => version).set(1);
    for Metric { name, kind, meaning, .. } in METRICS.iter().chain(own) {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *meaning),
            Kind::Gauge => metrics::describe_gauge!(*name, *meaning),
            Kind::Histogram => metrics::describe_histogram!(*name, *meaning),
        }
    }
}

/// The metrics that a service exports if it has the component that they measure.
pub const METRICS: &[Metric] = &[
    Metric::counter(
        "answers_given_up_total",
        &[],
        "Connections that were closed because their client did not take a response.",
    ),
    Metric::counter("bodies_given_up_total", &[], "Request bodies that did not arrive in time."),
    Metric::gauge("build_info", &["service", "version"], "1 for each service of the process, with its version."),
    Metric::gauge(
        "circuit_breaker_state",
        &["peer"],
        "The worst state of the circuit breakers for a peer: 0 closed, 1 half open, 2 open.",
    ),
    Metric::counter("connections_displaced_total", &[], "Idle connections that were closed to make room for others."),
    Metric::counter("connections_refused_total", &[], "Connections that were refused because too many were open."),
    Metric::histogram(
        "event_age_seconds",
        &["group"],
        "The time from the commit of a change until a consumer group has handled its event.",
    ),
    Metric::counter("group_commit_requests_total", &["statement"], "Requests that were written or read in groups."),
    Metric::counter("group_commits_total", &["statement"], "Statements that wrote or read a group of requests."),
    Metric::counter("grpc_server_handled_total", &["code", "rpc"], "Answered calls by their gRPC status code."),
    Metric::histogram("grpc_server_handling_seconds", &["rpc"], "The time until a call was answered."),
    Metric::histogram("http_request_duration_seconds", &["route"], "The time until an HTTP request was answered."),
    Metric::counter("http_requests_total", &["method", "route", "status"], "Answered HTTP requests."),
    Metric::counter(
        "inconsistent_rows_total",
        &[],
        "Rows that a job or a list left out, since they cannot be decoded or changed, each time it met them.",
    ),
    Metric::gauge(
        "kafka_consumer_lag",
        &["group", "partition", "topic"],
        "Records of a partition that a consumer group has not handled; 0 in the replicas that do not read the partition.",
    ),
    Metric::counter("kafka_dead_letters_total", &["group"], "Records that were moved to a dead-letter topic."),
    Metric::counter("kafka_handler_panics_total", &["group"], "Panics of a consumer's handler. Each is a defect."),
    Metric::histogram("kafka_message_handling_seconds", &["group"], "The time to handle a record, without its wait."),
    Metric::counter("kafka_message_retries_total", &["group"], "Failed attempts to handle a record that are retried."),
    Metric::counter("kafka_messages_handled_total", &["group"], "Handled records."),
    Metric::counter(
        "kafka_positions_reset_total",
        &["group"],
        "Offsets behind the end of their partition, which is read from its beginning: the topic was deleted and created again.",
    ),
    Metric::counter(
        "kafka_records_missed_total",
        &["group"],
        "Records that were deleted before a consumer group had handled them.",
    ),
    Metric::gauge(
        "kafka_unreadable_partitions",
        &["group", "topic"],
        "Partitions with a batch that cannot be read; 0 is good.",
    ),
    Metric::gauge(
        "outbox_oldest_seconds",
        &["outbox"],
        "The age of the oldest event that is not published. Each replica reports the same.",
    ),
    Metric::counter("outbox_published_total", &[], "Published events."),
    Metric::counter(
        "outbox_refused_total",
        &["outbox", "topic"],
        "Events that were refused, or not acknowledged in time.",
    ),
    Metric::counter(
        "outbox_set_aside_total",
        &["outbox"],
        "Events that were set aside, since they cannot be published now.",
    ),
    Metric::gauge("outbox_unpublished", &["outbox"], "Events that are not published. Each replica reports the same."),
    Metric::gauge("outbox_unroutable", &["outbox"], "Events that are set aside. Each replica reports the same."),
    Metric::counter("peer_calls_repeated_total", &["peer"], "Calls that were retried with another replica of a peer."),
    Metric::gauge("peer_replicas", &["peer", "state"], "The known replicas of a peer."),
    Metric::gauge("process_start_time_seconds", &[], "The time at which this process started, in seconds since 1970."),
    Metric::gauge(
        "redis_memory_used_ratio",
        &[],
        "The share of `maxmemory` that Redis uses, from 0 to 1; none if it has no limit.",
    ),
    Metric::counter("requests_left_by_clients_total", &[], "Requests that went on although their client had left."),
    Metric::counter(
        "requests_of_one_user_shed_total",
        &[],
        "Requests that were refused because their user or address had too many.",
    ),
    Metric::counter("requests_shed_total", &[], "Requests that were refused because too many waited."),
    Metric::counter("retries_total", &["peer"], "Retried calls to a peer."),
    Metric::counter(
        "retry_budget_exhausted_total",
        &["peer"],
        "Calls to a peer that were not retried, since too many are.",
    ),
    Metric::counter(
        "security_events_total",
        &["event"],
        "Security events by their name; docs/security-events.md explains them.",
    ),
    Metric::gauge("service_ready", &["service"], "1 while a service of the process is ready, otherwise 0."),
    Metric::counter("swept_total", &["sweeper"], "Rows that a periodic job has handled."),
    Metric::counter("telemetry_dropped_total", &["signal"], "Spans or log records that were not exported."),
    Metric::gauge(
        "tls_certificate_expires_seconds",
        &[],
        "The time at which this process's certificate expires, in seconds since 1970. Only with TLS.",
    ),
    Metric::counter("tls_handshake_failures_total", &[], "TLS handshakes that failed."),
];

/// How often the samples of histograms are folded into buckets. Until it is folded, each sample takes memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts to collect the metrics of this process. Samples are folded into buckets until the returned handle is dropped,
/// even without scrapes.
pub(super) fn record() -> anyhow::Result<AbortOnDropHandle<()>> {
    let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
    // What a service measures as `…_duration_seconds` takes minutes, or as long as an outage that interrupts it.
    let minutes = [1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("http_request_duration_seconds".to_owned()), &seconds)?
        // Of two suffixes that match, the first in the alphabet applies.
        .set_buckets_for_metric(Matcher::Suffix("_duration_seconds".to_owned()), &minutes)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)?
        .install_recorder()
        .context("setting up metrics")?;
    let _ = RECORDER.set(handle.clone());
    // The process has just started.
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    metrics::gauge!("process_start_time_seconds").set(started.as_secs_f64());
    let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            ticks.tick().await;
            handle.run_upkeep();
        }
    })))
}

pub fn render_metrics() -> String {
    RECORDER.get().map(PrometheusHandle::render).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the resident memory of this process in bytes.
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    #[tokio::test(start_paused = true)]
    async fn samples_take_no_more_memory_where_nothing_scrapes_them() {
        // With this many samples, memory that other tests of this process allocate meanwhile is negligible.
        const ROUNDS: usize = 160;
        const SAMPLES: usize = 100_000;
        let _upkeep = record().unwrap();
        let histogram = metrics::histogram!("example_seconds");
        let before = resident();

        for _ in 0..ROUNDS {
            for _ in 0..SAMPLES {
                histogram.record(0.1);
            }
            tokio::time::sleep(UPKEEP_INTERVAL).await;
        }

        let (grown, all) = (resident().saturating_sub(before), ROUNDS * SAMPLES * size_of::<f64>());
        assert!(grown < all / 2, "{grown} bytes more for samples of {all} bytes");
    }
}
