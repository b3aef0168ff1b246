//! The counters of a consumer, exported from the start with 0.

/// Makes the counters of a consumer group: a rate does not see the first value of a series.
pub(super) fn count_from_zero(group: &'static str) {
    metrics::counter!("kafka_messages_handled_total", "group" => group).increment(0);
    metrics::counter!("kafka_message_retries_total", "group" => group).increment(0);
    metrics::counter!("kafka_dead_letters_total", "group" => group).increment(0);
    metrics::counter!("kafka_handler_panics_total", "group" => group).increment(0);
}
