//! Skips a batch that a consumer cannot read. The operator notes the batch in the metadata of an offset of a second
//! consumer group, since a broker accepts offsets of the consumer's own group only from its members.

use anyhow::Context as _;

use super::{Batch, Config, Consumer, Mark, Reader, batches_at};

/// Returns the group whose committed offsets note the batches to skip.
pub fn skip_group(group: &str) -> String {
    format!("{group}-skip")
}

/// In bytes; a broker accepts 4096. A longer note loses its oldest batches.
const MAX_NOTE_LENGTH: usize = 4_000;

/// Lets the consumer group continue after the batch if it cannot read the batch. The group notices this within some
/// seconds. Blocks.
pub fn skip(config: &Config, group: &str, topic: &str, partition: i32, batch: Batch) -> anyhow::Result<()> {
    let reader = Reader::new(config, &skip_group(group))?;
    let before = reader.marks(topic, &[partition])?.remove(&partition).unwrap_or_default();
    // Consumers of older versions continue at the offset and ignore the note.
    reader.mark(topic, partition, &Mark { next: batch.last + 1, note: noted(&before.note, batch) })
}

/// Returns the batches that operators have skipped for the group, with their partitions. Blocks.
pub fn skipped(config: &Config, group: &str, topic: &str, partitions: &[i32]) -> anyhow::Result<Vec<(i32, Batch)>> {
    let marks = Reader::new(config, &skip_group(group))?.marks(topic, partitions)?;
    let batches = marks.iter().flat_map(|(partition, mark)| batches(&mark.note).map(|batch| (*partition, batch)));
    Ok(batches.collect())
}

/// Adds a batch to a note, such as `0-0:9ae0daaf 17-20:0000002a`, and removes overlapping ones, which are the same
/// batch or from an earlier topic of the same name.
fn noted(note: &str, batch: Batch) -> String {
    let mut all: Vec<Batch> =
        batches(note).filter(|other| other.last < batch.first || batch.last < other.first).collect();
    all.push(batch);
    loop {
        let texts: Vec<String> = all.iter().map(text).collect();
        let note = texts.join(" ");
        if note.len() <= MAX_NOTE_LENGTH {
            return note;
        }
        all.remove(0);
    }
}

fn text(Batch { first, last, checksum }: &Batch) -> String {
    checksum.map_or_else(|| format!("{first}-{last}"), |checksum| format!("{first}-{last}:{checksum:08x}"))
}

fn batches(note: &str) -> impl Iterator<Item = Batch> {
    note.split(' ').filter_map(|text| {
        let (offsets, checksum) = text.split_once(':').unzip();
        let (first, last) = offsets.unwrap_or(text).split_once('-')?;
        let checksum = checksum.map(|checksum| u32::from_str_radix(checksum, 16)).transpose().ok()?;
        Some(Batch { first: first.parse().ok()?, last: last.parse().ok()?, checksum })
    })
}

/// Returns the batch at `position`, if an operator has skipped exactly this batch. Batches of aborted transactions may
/// precede it. A batch that an older version noted has no checksum: it is not skipped until an operator skips it again.
pub(super) async fn skipped_at(consumer: &Consumer, partition: i32, position: i64) -> anyhow::Result<Option<Batch>> {
    let (config, topic, group) = (consumer.config.clone(), consumer.topic.clone(), skip_group(consumer.group));
    let marks = tokio::task::spawn_blocking(move || Reader::new(&config, &group)?.marks(&topic, &[partition]));
    let note = marks.await.context("reading what is skipped")??.remove(&partition).unwrap_or_default().note;
    if !batches(&note).any(|batch| position <= batch.last) {
        return Ok(None);
    }
    let found = batches_at(&consumer.config, &consumer.topic, partition, position).await?;
    Ok(found.into_iter().find(|batch| batches(&note).any(|skipped| skipped == *batch)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(first: i64) -> Batch {
        Batch { first, last: first + 1, checksum: Some(42) }
    }

    #[test]
    fn a_note_names_each_batch_once_and_forgets_the_oldest() {
        let note = noted(&noted(&noted("", batch(0)), batch(17)), batch(0));
        let long = (0..2_000).fold(String::new(), |note, number| noted(&note, batch(2 * number)));

        assert_eq!(note, "17-18:0000002a 0-1:0000002a");
        assert_eq!(batches(&note).collect::<Vec<_>>(), [batch(17), batch(0)]);
        assert!(long.len() <= MAX_NOTE_LENGTH && long.ends_with(" 3998-3999:0000002a"), "{long}");
    }

    #[test]
    fn a_batch_of_an_earlier_topic_or_noted_by_an_older_version_is_another_batch_until_it_is_noted_again() {
        let anew = Batch { checksum: Some(43), ..batch(17) };
        let old = "0-1 17-18";

        assert!(!batches(&noted("", batch(17))).any(|skipped| skipped == anew));
        assert!(!batches(old).any(|skipped| skipped == anew));
        assert_eq!(batches(old).map(|skipped| (skipped.first, skipped.last)).collect::<Vec<_>>(), [(0, 1), (17, 18)]);
        assert_eq!(noted(old, anew), "0-1 17-18:0000002b");
        assert_eq!(noted("15-17:0000002a 19-20", anew), "19-20 17-18:0000002b");
    }
}
