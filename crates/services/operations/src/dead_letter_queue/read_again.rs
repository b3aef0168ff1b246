//! Reads dead letters again for their payloads, which are not kept in memory.

use std::collections::HashMap;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use platform::kafka::{Extent, Reader};

use super::DeadLetterQueue;
use crate::dead_letters::{DeadLetter, Id};

impl DeadLetterQueue {
    /// Returns the result of `keep` for each of these letters, including its payload. Leaves out letters pruned
    /// meanwhile.
    pub(super) async fn read_again<T: Send + 'static>(
        &self,
        letters: &[&DeadLetter],
        keep: impl Fn(DeadLetter) -> T + Clone + Send + 'static,
    ) -> anyhow::Result<HashMap<Id, T>> {
        let mut topics: HashMap<String, HashMap<Id, DateTime<Utc>>> = HashMap::new();
        for letter in letters {
            topics.entry(letter.id.topic.clone()).or_default().insert(letter.id.clone(), letter.at);
        }
        let reading = topics.into_iter().map(|(topic, wanted)| {
            let (reader, keep) = (self.reader.clone(), keep.clone());
            async move {
                let reading = tokio::task::spawn_blocking(move || read(&reader, &topic, &wanted, keep));
                reading.await.context("reading dead letters again")?
            }
        });
        // As in `letters`, all reads are awaited even if one fails, since they cannot be stopped.
        let read = join_all(reading).await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        Ok(read.into_iter().flatten().collect())
    }
}

/// Reads the wanted letters of a topic. Each has its time, since a recreated topic reuses the ids for other letters.
fn read<T>(
    reader: &Reader,
    topic: &str,
    wanted: &HashMap<Id, DateTime<Utc>>,
    keep: impl Fn(DeadLetter) -> T,
) -> anyhow::Result<Vec<(Id, T)>> {
    let mut read = Vec::with_capacity(wanted.len());
    reader.read(topic, &extents(wanted.keys()), |message, at| {
        let letter = DeadLetter::new(topic, message, at);
        if wanted.get(&letter.id) == Some(&letter.at) {
            read.push((letter.id.clone(), keep(letter)));
        }
    })?;
    Ok(read)
}

/// Returns the extent of each partition from its first to its last letter.
fn extents<'a>(letters: impl Iterator<Item = &'a Id>) -> Vec<Extent> {
    let mut extents: HashMap<i32, Extent> = HashMap::new();
    for Id { partition, offset, .. } in letters {
        let first = Extent { partition: *partition, start: *offset, end: offset + 1 };
        let extent = extents.entry(*partition).or_insert(first);
        extent.start = extent.start.min(*offset);
        extent.end = extent.end.max(offset + 1);
    }
    extents.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_begins_with_the_first_letter_of_a_partition_and_ends_with_the_last() {
        let id = |partition, offset| Id { topic: "order.paid.dlq".to_owned(), partition, offset };
        let letters = [id(0, 7), id(1, 2), id(0, 3), id(0, 5)];

        let mut extents = extents(letters.iter());
        extents.sort_by_key(|extent| extent.partition);

        let expected = [Extent { partition: 0, start: 3, end: 8 }, Extent { partition: 1, start: 2, end: 3 }];
        assert_eq!(extents, expected);
    }
}
