//! Which letters have been replayed: kept by the broker as a group's offset, with what lies beyond it in the offset's metadata.
//!
//! The letters themselves stay where they are until their topic forgets them, so that an audit still sees them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use platform::kafka::{Mark, Reader};

use operations::dead_letters::Id;

/// What a broker takes as metadata.
const ROOM: usize = 4096;

/// The settled letters of one dead-letter topic.
pub struct Settled {
    topic: String,
    /// By partition, the first letter that is not settled and those beyond it that are.
    partitions: BTreeMap<i32, Partition>,
}

#[derive(Default)]
struct Partition {
    next: i64,
    beyond: BTreeSet<i64>,
}

impl Settled {
    /// Asks the broker. Blocks.
    pub fn of(reader: &Reader, topic: &str, partitions: &[i32]) -> anyhow::Result<Self> {
        let marks = if partitions.is_empty() { HashMap::new() } else { reader.marks(topic, partitions)? };
        let known = marks.into_iter().map(|(partition, mark)| (partition, Partition::from(&mark)));
        Ok(Self { topic: topic.to_owned(), partitions: known.collect() })
    }

    pub fn contains(&self, id: &Id) -> bool {
        self.partitions.get(&id.partition).is_some_and(|one| id.offset < one.next || one.beyond.contains(&id.offset))
    }

    /// Marks a letter. Blocks.
    pub fn settle(&mut self, reader: &Reader, id: &Id) -> anyhow::Result<()> {
        let partition = self.partitions.entry(id.partition).or_default();
        partition.insert(id.offset);
        reader.mark(&self.topic, id.partition, &partition.mark())
    }

    /// Passes over the offsets that hold no letter any more, so that what is settled can be said shortly.
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

    /// Ranges as far as there is room: a letter too many is shown again, and a second replay does no harm.
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
            if note.len() + range.len() > ROOM {
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
    fn what_is_settled_one_after_another_is_an_offset() {
        let mut partition = Partition::default();
        for offset in 0..3 {
            partition.insert(offset);
        }

        assert_eq!(partition.mark(), Mark { next: 3, note: String::new() });
    }

    #[test]
    fn what_is_settled_out_of_order_is_noted_until_the_gap_is_closed() {
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
    fn a_note_never_outgrows_its_room() {
        let mut partition = Partition::default();
        for offset in 0..5_000 {
            partition.insert(1 + offset * 2);
        }
        let mark = partition.mark();

        assert!(mark.note.len() <= ROOM);
        assert!(Partition::from(&mark).beyond.contains(&1));
    }
}
