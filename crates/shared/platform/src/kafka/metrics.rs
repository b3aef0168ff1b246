//! The counters of a consumer.

/// Exports the counters of a consumer group with the value 0. Otherwise `rate()` would miss the first increment, with which a series
/// begins.
pub(super) fn count_from_zero(group: &'static str) {
    metrics::counter!("kafka_messages_handled_total", "group" => group).increment(0);
    metrics::counter!("kafka_message_retries_total", "group" => group).increment(0);
    metrics::counter!("kafka_dead_letters_total", "group" => group).increment(0);
    metrics::counter!("kafka_handler_panics_total", "group" => group).increment(0);
    metrics::counter!("kafka_records_missed_total", "group" => group).increment(0);
    metrics::counter!("kafka_records_skipped_total", "group" => group).increment(0);
    metrics::counter!("kafka_positions_reset_total", "group" => group).increment(0);
}
