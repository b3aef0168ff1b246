//! Which dead letters are resolved. The broker stores this: the first unresolved offset as a group's committed offset,
//! and the resolved offsets beyond it in the offset's metadata.
//!
//! The dead letters themselves stay until they are pruned, so that an audit still sees them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use platform::kafka::{Mark, Reader};

use crate::dead_letters::Id;

/// The most bytes of metadata that the broker stores with an offset.
const METADATA_LIMIT: usize = 4096;

/// The resolved dead letters of one topic.
pub struct ReplayOffsets {
    topic: String,
    /// Which offsets of each partition are resolved.
    partitions: BTreeMap<i32, Partition>,
    /// The partitions that the broker has not stored yet.
    changed: BTreeSet<i32>,
}

#[derive(Default)]
struct Partition {
    /// The first offset that is not resolved.
    next: i64,
    /// Resolved offsets after `next`.
    beyond: BTreeSet<i64>,
}

impl ReplayOffsets {
    /// Reads the committed offsets from the broker. Blocks.
    pub fn of(reader: &Reader, topic: &str, partitions: &[i32]) -> anyhow::Result<Self> {
        let marks = if partitions.is_empty() { HashMap::new() } else { reader.marks(topic, partitions)? };
        let known = marks.into_iter().map(|(partition, mark)| (partition, Partition::from(&mark)));
        Ok(Self { topic: topic.to_owned(), partitions: known.collect(), changed: BTreeSet::new() })
    }

    pub fn contains(&self, id: &Id) -> bool {
        self.partitions.get(&id.partition).is_some_and(|one| id.offset < one.next || one.beyond.contains(&id.offset))
    }

    /// Adds a resolved dead letter, which [`store`](Self::store) stores.
    pub fn insert(&mut self, id: &Id) {
        self.partitions.entry(id.partition).or_default().insert(id.offset);
        self.changed.insert(id.partition);
    }

    /// Commits what was inserted to the broker. Blocks.
    pub fn store(&mut self, reader: &Reader) -> anyhow::Result<()> {
        while let Some(partition) = self.changed.first().copied() {
            let mark = self.partitions.entry(partition).or_default().mark();
            reader.mark(&self.topic, partition, &mark)?;
            self.changed.remove(&partition);
        }
        Ok(())
    }

    /// Marks all offsets before `oldest` as resolved, since their dead letters were pruned. This keeps the metadata
    /// short.
    pub fn begin_at(&mut self, partition: i32, oldest: i64) {
        let partition = self.partitions.entry(partition).or_default();
        partition.next = partition.next.max(oldest);
        partition.advance();
    }
}

impl Partition {
    fn insert(&mut self, offset: i64) {
        if offset >= self.next {
            self.beyond.insert(offset);
        }
        self.advance();
    }

    fn advance(&mut self) {
        while self.beyond.first().is_some_and(|first| *first <= self.next) {
            if self.beyond.pop_first() == Some(self.next) {
                self.next += 1;
            }
        }
    }

    /// Builds the mark from as many ranges as fit. A letter that does not fit is listed again, and replaying it twice
    /// is harmless.
    fn mark(&self) -> Mark {
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for offset in &self.beyond {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *offset => *last = *offset,
                _ => ranges.push((*offset, *offset)),
            }
        }
        let mut note = String::new();
        for (first, last) in ranges {
            let range = if first == last { format!("{first},") } else { format!("{first}-{last},") };
            if note.len() + range.len() > METADATA_LIMIT {
                break;
            }
            note.push_str(&range);
        }
        Mark { next: self.next, note }
    }
}

impl From<&Mark> for Partition {
    fn from(mark: &Mark) -> Self {
        let mut partition = Self { next: mark.next, beyond: BTreeSet::new() };
        for range in mark.note.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            if let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) {
                partition.beyond.extend(first..=last);
            }
        }
        partition.advance();
        partition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_resolved_letters_are_one_offset() {
        let mut partition = Partition::default();
        for offset in 0..3 {
            partition.insert(offset);
        }

        assert_eq!(partition.mark(), Mark { next: 3, note: String::new() });
    }

    #[test]
    fn letters_resolved_out_of_order_are_kept_as_metadata_until_the_gap_closes() {
        let mut partition = Partition::default();
        for offset in [1, 2, 5] {
            partition.insert(offset);
        }
        let mark = partition.mark();
        let mut read = Partition::from(&mark);
        read.insert(0);

        assert_eq!(mark, Mark { next: 0, note: "1-2,5,".to_owned() });
        assert_eq!(read.mark(), Mark { next: 3, note: "5,".to_owned() });
    }

    #[test]
    fn metadata_never_exceeds_its_limit() {
        let mut partition = Partition::default();
        for offset in 0..5_000 {
            partition.insert(1 + offset * 2);
        }
        let mark = partition.mark();

        assert!(mark.note.len() <= METADATA_LIMIT);
        assert!(Partition::from(&mark).beyond.contains(&1));
    }
}
