//! Publishes dead letters to their original topics, byte for byte.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use console::model::{Plan, Poison, Replayed};
use platform::{
    clock,
    kafka::{ExactRecord, KafkaPublisher},
};

use super::{Chosen, DeadLetterQueue, Found, Progress, poison::still_poison, recorder::Recorder};
use crate::{
    dead_letter_journal::Action,
    dead_letters::{DeadLetter, Id},
};

/// How many messages are published before they are recorded as resolved. An interrupted replay may publish as many twice.
const BATCH: usize = 100;

impl DeadLetterQueue {
    /// Returns what [`replay`](Self::replay) would do. Only that a message can be decoded is known in advance: a consumer
    /// may refuse it for another reason.
    pub async fn plan(&self, chosen: &Chosen, late: bool) -> anyhow::Result<Plan> {
        let (letters, ids) = self.choose(chosen).await?;
        let is_cut = |found: &&Found| ids.contains(&found.letter.id) && !found.letter.is_whole();
        let truncated = letters.iter().filter(is_cut).count();
        let mut plan = Plan { messages: 0, letters: 0, poison: Vec::new(), late: 0, truncated };
        let kept_since = clock::now() - self.config.effect_retention();
        for (_, letters) in messages(&letters, &ids) {
            if !late && letters.iter().any(|letter| is_older_than_inboxes(letter, kept_since)) {
                plan.late += 1;
                continue;
            }
            plan.messages += 1;
            plan.letters += letters.len();
            let reason = letters.first().and_then(|letter| Some((letter, still_poison(letter, &self.topics)?)));
            plan.poison.extend(reason.map(|(letter, reason)| Poison { letter: letter.id.to_string(), reason }));
        }
        Ok(plan)
    }

    /// Replays the chosen letters.
    ///
    /// A message that several consumers dead-lettered is published once. Its letters are recorded as resolved after the
    /// broker has acknowledged it, so that an interrupted replay may publish a message twice. A message that fails again
    /// is a new dead letter, which this replay does not take.
    ///
    /// A letter older than the inbox retention is skipped unless `late` is set: consumers that have handled its event
    /// would handle it twice.
    pub async fn replay(
        &self,
        chosen: &Chosen,
        late: bool,
        who: &str,
        progress: &Progress,
    ) -> anyhow::Result<Replayed> {
        let (letters, ids) = self.choose(chosen).await?;
        if let Chosen::Letters(_) = chosen {
            let cut = letters.iter().find(|found| ids.contains(&found.letter.id) && !found.letter.is_whole());
            if let Some(Found { letter, .. }) = cut {
                let id = &letter.id;
                anyhow::bail!("{id} was too large to be kept in full; `shipyard dlq show {id}` tells its origin");
            }
        }
        let recorder = Recorder::begin(self, who.to_owned()).await?;
        let messages = messages(&letters, &ids);
        let publisher = KafkaPublisher::new(&self.config)?;
        let kept_since = clock::now() - self.config.effect_retention();
        let (mut replayed, mut done) = (Replayed::default(), 0);
        progress(0, messages.len());
        for batch in messages.chunks(BATCH) {
            let mut resolved: Vec<&DeadLetter> = Vec::new();
            for (record, letters) in batch {
                let first = letters.first().map(|letter| letter.id.to_string()).unwrap_or_default();
                if !late && letters.iter().any(|letter| is_older_than_inboxes(letter, kept_since)) {
                    replayed.problems.push(format!("{first} is older than the inbox retention, so that consumers that have handled its event would handle it twice; discard it, or add --late"));
                    continue;
                }
                if let Err(error) = publisher.publish_exact(record).await {
                    // This happens to a message that was compressed when it was first published, and is too large
                    // without compression.
                    replayed.problems.push(format!("{first} could not be replayed: {error:#}"));
                    continue;
                }
                replayed.messages += 1;
                resolved.extend(letters);
            }
            replayed.letters += resolved.len();
            if !resolved.is_empty() {
                recorder.record(&resolved, Action::Replayed, "").await?;
            }
            done += batch.len();
            progress(done, messages.len());
        }
        Ok(replayed)
    }
}

/// Returns the messages to publish, oldest first, each with the letters that it resolves.
fn messages<'a>(letters: &'a [Found], chosen: &BTreeSet<Id>) -> Vec<(ExactRecord, Vec<&'a DeadLetter>)> {
    let mut messages: Vec<(ExactRecord, Vec<&DeadLetter>, bool)> = Vec::new();
    let mut places = HashMap::new();
    for Found { letter, .. } in letters.iter().filter(|found| found.letter.is_whole()) {
        let wanted = chosen.contains(&letter.id);
        let record = letter.original();
        let place = *places.entry(record.clone()).or_insert(messages.len());
        match messages.get_mut(place) {
            Some((_, letters, any)) => {
                letters.push(letter);
                *any |= wanted;
            }
            None => messages.push((record, vec![letter], wanted)),
        }
    }
    messages.into_iter().filter(|(.., wanted)| *wanted).map(|(record, letters, _)| (record, letters)).collect()
}

/// Returns true if the inbox rows of the letter's event may have been pruned already.
fn is_older_than_inboxes(letter: &DeadLetter, kept_since: DateTime<Utc>) -> bool {
    letter.at < kept_since
}

#[cfg(test)]
mod tests {
    use platform::kafka::{HEADER_ERROR, HEADER_LEFT_OUT, HEADER_ORIGINALS, HEADER_TOPIC, Message};

    use super::{super::State, *};

    fn letter(offset: i64, payload: &[u8]) -> DeadLetter {
        let headers = [
            ("event-type", "events.v1.OrderPaid"),
            (HEADER_TOPIC, "shop.paid"),
            (HEADER_ERROR, "no"),
            (HEADER_ORIGINALS, "1"),
        ];
        DeadLetter {
            id: Id { topic: "order.paid.dlq".to_owned(), partition: 0, offset },
            at: chrono::DateTime::UNIX_EPOCH,
            message: Message {
                key: b"order".to_vec(),
                payload: payload.to_vec(),
                headers: headers.map(|(name, value)| (name.to_owned(), Some(value.into()))).into_iter().collect(),
                ..Message::default()
            },
        }
    }

    fn pending(letter: DeadLetter) -> Found {
        Found { letter, state: State::Pending }
    }

    #[test]
    fn a_letter_older_than_the_inbox_retention_is_not_replayed_by_default() {
        let (letter, then) = (letter(17, b"event"), chrono::DateTime::UNIX_EPOCH);

        assert!(is_older_than_inboxes(&letter, then + std::time::Duration::from_secs(1)));
        assert!(!is_older_than_inboxes(&letter, then));
    }

    #[test]
    fn a_replayed_message_is_identical_to_the_original() {
        let record = letter(17, b"event").original();

        assert_eq!((record.topic.as_str(), record.key.as_deref()), ("shop.paid", Some(&b"order"[..])));
        assert_eq!(record.payload.as_deref(), Some(&b"event"[..]));
        assert_eq!(record.headers.texts().collect::<Vec<_>>(), [("event-type", "events.v1.OrderPaid")]);
    }

    #[test]
    fn a_message_dead_lettered_by_two_consumers_is_replayed_once() {
        let letters = [pending(letter(0, b"a")), pending(letter(1, b"a")), pending(letter(2, b"b"))];
        let offsets = |chosen: &[i64]| -> Vec<Vec<i64>> {
            let chosen = chosen.iter().map(|offset| letter(*offset, b"").id).collect();
            let messages = messages(&letters, &chosen);
            messages.iter().map(|(_, letters)| letters.iter().map(|letter| letter.id.offset).collect()).collect()
        };

        assert_eq!(offsets(&[0, 1, 2]), [vec![0, 1], vec![2]]);
        assert_eq!(offsets(&[1]), [vec![0, 1]]);
    }

    #[test]
    fn a_truncated_letter_is_not_replayed() {
        let mut cut = letter(0, b"");
        cut.message.headers.push_text(HEADER_LEFT_OUT, "5000000");

        let chosen = BTreeSet::from([cut.id.clone()]);

        assert!(messages(&[pending(cut)], &chosen).is_empty());
    }
}
