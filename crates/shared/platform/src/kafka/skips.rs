//! Skipping a batch that a consumer cannot read. An operator commits the offset after the batch in a second group of the consumer, since a
//! broker accepts offsets of the consumer's own group only from its members.

use anyhow::Context as _;

use super::{Batch, Config, Consumer, Mark, Reader};

/// Returns the name of the group whose committed offsets say up to which offset a consumer group skips batches that it cannot read.
pub fn skip_group(group: &str) -> String {
    format!("{group}-skip")
}

/// The maximum length of a mark's note in bytes. A broker accepts 4096. The oldest batches are dropped from a note that would be longer.
const MAX_NOTE_LENGTH: usize = 4_000;

/// Lets the consumer group continue after the batch if the group cannot read it. The group notices this within some seconds. Blocks.
pub fn skip(config: &Config, group: &str, topic: &str, partition: i32, batch: Batch) -> anyhow::Result<()> {
    let reader = Reader::new(config, &skip_group(group))?;
    let before = reader.marks(topic, &[partition])?.remove(&partition).unwrap_or_default();
    reader.mark(topic, partition, &Mark { next: batch.last + 1, note: noted(&before.note, batch) })
}

/// Returns the batches that operators have let the consumer group skip, each with its partition. Blocks.
pub fn skipped(config: &Config, group: &str, topic: &str, partitions: &[i32]) -> anyhow::Result<Vec<(i32, Batch)>> {
    let marks = Reader::new(config, &skip_group(group))?.marks(topic, partitions)?;
    let batches = marks.iter().flat_map(|(partition, mark)| batches(&mark.note).map(|batch| (*partition, batch)));
    Ok(batches.collect())
}

/// Adds a batch to a note, such as `0-0 17-20`.
fn noted(note: &str, batch: Batch) -> String {
    let mut all: Vec<Batch> = batches(note).filter(|other| *other != batch).collect();
    all.push(batch);
    loop {
        let texts: Vec<String> = all.iter().map(|Batch { first, last }| format!("{first}-{last}")).collect();
        let note = texts.join(" ");
        if note.len() <= MAX_NOTE_LENGTH {
            return note;
        }
        all.remove(0);
    }
}

fn batches(note: &str) -> impl Iterator<Item = Batch> {
    note.split(' ').filter_map(|text| {
        let (first, last) = text.split_once('-')?;
        Some(Batch { first: first.parse().ok()?, last: last.parse().ok()? })
    })
}

/// Returns the offset up to which an operator has skipped.
pub(super) async fn skipped_to(consumer: &Consumer, partition: i32) -> anyhow::Result<Option<i64>> {
    let (config, topic, group) = (consumer.config.clone(), consumer.topic.clone(), skip_group(consumer.group));
    let marks = tokio::task::spawn_blocking(move || Reader::new(&config, &group)?.marks(&topic, &[partition]));
    Ok(marks.await.context("reading what is skipped")??.get(&partition).map(|mark| mark.next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_each_batch_once_and_forgets_the_oldest() {
        let batch = |first| Batch { first, last: first + 1 };
        let note = noted(&noted(&noted("", batch(0)), batch(17)), batch(0));
        let long = (0..2_000).fold(String::new(), |note, first| noted(&note, batch(first)));

        assert_eq!(note, "17-18 0-1");
        assert_eq!(batches(&note).collect::<Vec<_>>(), [batch(17), batch(0)]);
        assert!(long.len() <= MAX_NOTE_LENGTH && long.ends_with(" 1999-2000"), "{long}");
    }
}
