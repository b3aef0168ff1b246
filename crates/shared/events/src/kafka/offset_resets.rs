//! Counts the offsets of a consumer at which its topic has no record: the records expired before they were read, or the
//! topic was deleted and created again with fewer records.
//!
//! librdkafka then starts at the first remaining record. It only logs this, so this module reads its log.

use tokio::sync::mpsc;

/// An offset at which the topic has no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reset {
    pub partition: i32,
    pub offset: i64,
}

/// The resets of a consumer's offsets, as librdkafka's log reports them.
pub(super) struct OffsetResets {
    group: &'static str,
    topic: String,
    resets: mpsc::Sender<Reset>,
}

impl OffsetResets {
    pub fn new(group: &'static str, topic: &str, resets: mpsc::Sender<Reset>) -> Self {
        Self { group, topic: topic.to_owned(), resets }
    }

    pub fn note(&self, facility: &str, line: &str) {
        if facility == "OFFSET"
            && let Some(reset) = reset(line)
        {
            // While the channel is full, only librdkafka logs resets.
            let _ = self.resets.try_send(reset);
        }
    }

    /// Reports an offset without a record. `start` is the partition's first offset.
    pub fn report(&self, Reset { partition, offset }: Reset, start: i64) {
        let (group, topic) = (self.group, &self.topic);
        if let Ok(missed @ 1..) = u64::try_from(start - offset) {
            metrics::counter!("kafka_records_missed_total", "group" => group).increment(missed);
            tracing::error!(
                group,
                topic,
                partition,
                offset,
                start,
                missed,
                "records expired before they were read; the audit names the events"
            );
        } else {
            metrics::counter!("kafka_positions_reset_total", "group" => group).increment(1);
            tracing::warn!(
                group,
                topic,
                partition,
                offset,
                "the topic was deleted and created again: the partition is read from its beginning"
            );
        }
    }
}

/// Parses `orders [2]: offset reset (at offset 17 (leader epoch 0), broker 1) to …`.
fn reset(line: &str) -> Option<Reset> {
    let (before, after) = line.split_once("]: offset reset (at offset ")?;
    let partition = before.rsplit_once('[')?.1.parse().ok()?;
    let digits = after.find(|character: char| !character.is_ascii_digit())?;
    Some(Reset { partition, offset: after[..digits].parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_librdkafka_are_understood() {
        let line = "[thrd:main]: shop.orders [2]: offset reset (at offset 17 (leader epoch 0), broker 1) to cached \
                    BEGINNING offset 40 (leader epoch -1): fetch failed";
        assert_eq!(reset(line), Some(Reset { partition: 2, offset: 17 }));
        assert_eq!(reset("orders [2]: offset reset (at offset END (leader epoch 0), broker 1)"), None);
    }
}
