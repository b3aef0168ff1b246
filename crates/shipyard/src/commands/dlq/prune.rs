//! `dlq prune`: deletes resolved dead letters. The table `resolved_letters` keeps their history.

use std::collections::BTreeMap;

use anyhow::Context as _;
use platform::kafka::delete_records;

use operations::dead_letter_queue::{DeadLetterQueue, Found, State};

/// Deletes all letters before the first pending one of each partition, since Kafka deletes records only from the
/// beginning.
pub async fn prune(queue: &DeadLetterQueue, topic: Option<&str>) -> anyhow::Result<()> {
    let letters = queue.letters(topic).await?;
    let (mut removed, mut left) = (0, 0);
    for (topic, partitions) in cuts(&letters) {
        let before: Vec<(i32, i64)> =
            partitions.iter().filter_map(|(partition, cut)| Some((*partition, cut.before?))).collect();
        if !before.is_empty() {
            let deleting = delete_records(&queue.config, &topic, &before).await;
            deleting.with_context(|| format!("pruning {topic}; a simulated Kafka cannot delete records"))?;
        }
        removed += partitions.values().map(|cut| cut.removed).sum::<usize>();
        left += partitions.values().map(|cut| cut.left).sum::<usize>();
    }
    outln!("{removed} dead letters removed; {left} resolved ones remain behind a pending one");
    Ok(())
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Cut {
    /// The first offset that is kept; `None` if there is no letter to delete.
    before: Option<i64>,
    removed: usize,
    /// The number of resolved letters that stay because a pending one precedes them.
    left: usize,
}

/// The cut of each partition, by topic and partition.
fn cuts(letters: &[Found]) -> BTreeMap<String, BTreeMap<i32, Cut>> {
    let mut partitions: BTreeMap<(&str, i32), BTreeMap<i64, &State>> = BTreeMap::new();
    for Found { letter, state } in letters {
        partitions.entry((&letter.id.topic, letter.id.partition)).or_default().insert(letter.id.offset, state);
    }
    let mut cuts: BTreeMap<String, BTreeMap<i32, Cut>> = BTreeMap::new();
    for ((topic, partition), states) in partitions {
        let removed = states.values().take_while(|state| ***state != State::Pending).count();
        let settled = states.values().filter(|state| ***state != State::Pending).count();
        let last = removed.checked_sub(1).and_then(|last| states.keys().nth(last));
        let cut = Cut { before: last.map(|last| last + 1), removed, left: settled - removed };
        cuts.entry(topic.to_owned()).or_default().insert(partition, cut);
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;
    use operations::{
        dead_letters::{DeadLetter, Id},
        repository::resolved_letters::{Action, ResolvedLetter},
    };

    fn found(offset: i64, state: State) -> Found {
        let id = Id { topic: "order.paid.dlq".to_owned(), partition: 0, offset };
        let (at, message) = (chrono::DateTime::UNIX_EPOCH, platform::kafka::Message::default());
        Found { letter: DeadLetter { id, at, message, outline: None }, state }
    }

    fn replayed() -> State {
        let letter = found(3, State::Pending).letter;
        State::Replayed(ResolvedLetter::now(&letter, "", Action::Replayed, &platform::auth::Author::part("test"), ""))
    }

    #[test]
    fn letters_are_removed_up_to_the_first_pending_one() {
        // The list is sorted by time, not by offset.
        let letters = [found(7, replayed()), found(4, replayed()), found(6, State::Pending), found(3, replayed())];

        let cuts = cuts(&letters);

        assert_eq!(cuts["order.paid.dlq"], BTreeMap::from([(0, Cut { before: Some(5), removed: 2, left: 1 })]));
    }

    #[test]
    fn nothing_is_removed_if_the_first_letter_is_pending() {
        let cuts = cuts(&[found(3, State::Pending), found(4, replayed())]);

        assert_eq!(cuts["order.paid.dlq"], BTreeMap::from([(0, Cut { before: None, removed: 0, left: 1 })]));
    }
}
