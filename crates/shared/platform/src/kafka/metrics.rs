//! The metrics of a consumer.

/// Exports the counters and histograms of a consumer group before the first sample. Otherwise a series would begin with
/// its first increment, which `rate()` would miss.
pub(super) fn count_from_zero(group: &'static str) {
    metrics::counter!("kafka_messages_handled_total", "group" => group).increment(0);
    metrics::counter!("kafka_message_retries_total", "group" => group).increment(0);
    metrics::counter!("kafka_dead_letters_total", "group" => group).increment(0);
    metrics::counter!("kafka_handler_panics_total", "group" => group).increment(0);
    let _ = metrics::histogram!("kafka_message_handling_seconds", "group" => group);
    let _ = metrics::histogram!("event_age_seconds", "group" => group);
    metrics::counter!("kafka_records_missed_total", "group" => group).increment(0);
    metrics::counter!("kafka_positions_reset_total", "group" => group).increment(0);
}
