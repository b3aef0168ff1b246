//! Publishes dead letters to their original topics, byte for byte.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use chrono::{DateTime, Utc};
use console::model::{Plan, Poison, Replayed};
use platform::{
    clock,
    kafka::{ExactRecord, KafkaPublisher, is_too_large},
};

use super::{
    Chosen, DeadLetterQueue, Found, Progress, State,
    poison::{is_from_outside, still_poison},
    recorder::Recorder,
};
use crate::{
    dead_letter_journal::{Action, Journal},
    dead_letters::{DeadLetter, Id},
};

/// How many messages are published before they are recorded as resolved. An interrupted replay may publish as many twice.
const BATCH_SIZE: usize = 100;
/// How long the broker may take to acknowledge a message. The replay then ends, and the rest stays pending.
const ACKNOWLEDGEMENT_TIMEOUT: Duration = Duration::from_secs(30);

impl DeadLetterQueue {
    /// Returns what [`replay`](Self::replay) would do. Only that a message can be decoded is known in advance: a consumer
    /// may refuse it for another reason.
    pub async fn plan(&self, chosen: &Chosen, late: bool) -> anyhow::Result<Plan> {
        let (letters, ids) = self.choose(chosen).await?;
        let chosen = letters.iter().filter(|found| ids.contains(&found.letter.id)).map(|found| &found.letter);
        let mut plan = Plan { newest: chosen.clone().map(|letter| letter.at).max(), ..Plan::default() };
        plan.truncated = chosen.filter(|letter| !letter.is_whole()).count();
        let kept_since = clock::now() - self.config.effect_retention();
        for message in messages(&letters, &ids) {
            if message.discarded.is_some() {
                plan.discarded += 1;
            } else if !late && message.oldest < kept_since {
                plan.late += 1;
            } else {
                plan.messages += 1;
                plan.letters += message.letters.len();
                plan.from_outside += usize::from(is_from_outside(&message.record.topic, &self.topics));
                let reason =
                    message.letters.first().and_then(|letter| Some((letter, still_poison(letter, &self.topics)?)));
                plan.poison.extend(reason.map(|(letter, reason)| Poison { letter: letter.id.to_string(), reason }));
            }
        }
        Ok(plan)
    }

    /// Replays the chosen letters.
    ///
    /// A message that several consumers dead-lettered is published once, and resolves the pending letters of all. If one of
    /// them has discarded it, it is skipped, since a replay would reach that consumer as well. The letters are recorded as
    /// resolved after the broker has acknowledged the message, so that an interrupted replay may publish a message twice. A
    /// message that fails again is a new dead letter, which this replay does not take.
    ///
    /// A message with a letter older than the inbox retention is skipped unless `late` is set: consumers that have handled
    /// its event would handle it twice.
    pub async fn replay(
        &self,
        chosen: &Chosen,
        late: bool,
        who: &str,
        progress: &Progress,
    ) -> anyhow::Result<Replayed> {
        let (letters, ids) = self.choose(chosen).await?;
        let cut = letters.iter().filter(|found| ids.contains(&found.letter.id) && !found.letter.is_whole());
        let cut: Vec<&Id> = cut.map(|found| &found.letter.id).collect();
        if let (Chosen::Letters(_), Some(id)) = (chosen, cut.first()) {
            anyhow::bail!("{id} was too large to be kept in full; `shipyard dlq show {id}` tells its origin");
        }
        let mut replayed = Replayed::default();
        replayed.problems.extend(cut.first().map(|id| {
            format!("{} dead letters were too large to be kept in full, such as {id}; `shipyard dlq show` tells their origin", cut.len())
        }));
        let recorder = Recorder::begin(self, who.to_owned()).await?;
        let messages = messages(&letters, &ids);
        let publisher = KafkaPublisher::within(&self.config, ACKNOWLEDGEMENT_TIMEOUT)?;
        let kept_since = clock::now() - self.config.effect_retention();
        let mut done = 0;
        progress(0, messages.len());
        for (number, batch) in messages.chunks(BATCH_SIZE).enumerate() {
            let meanwhile = self.resolved_meanwhile(number).await?;
            let (mut resolved, mut failure) = (Vec::new(), None);
            for message in batch {
                if let Some(reason) = message.withheld(late, kept_since, &meanwhile) {
                    replayed.problems.push(reason);
                    continue;
                }
                match publisher.publish_exact(&message.record).await {
                    Ok(()) => {
                        replayed.messages += 1;
                        resolved.extend(&message.letters);
                    }
                    // This happens to a message that was compressed when it was first published, and is too large
                    // without compression.
                    Err(error) if is_too_large(&error) => {
                        replayed.problems.push(format!("{} could not be replayed: {error:#}", message.first()));
                    }
                    Err(error) => {
                        failure =
                            Some(format!("{} could not be replayed, so the rest was not: {error:#}", message.first()));
                        break;
                    }
                }
            }
            replayed.letters += resolved.len();
            if !resolved.is_empty() {
                recorder.record(&resolved, Action::Replayed, "").await?;
            }
            if let Some(failure) = failure {
                replayed.problems.push(failure);
                break;
            }
            done += batch.len();
            progress(done, messages.len());
        }
        Ok(replayed)
    }
}

/// A message to publish again.
struct Again<'a> {
    record: ExactRecord,
    /// The letters that it resolves: the pending ones, and those that were named.
    letters: Vec<&'a DeadLetter>,
    /// A letter of the same message that an operator has discarded for its consumer.
    discarded: Option<&'a Id>,
    /// The time of its first letter in any state.
    oldest: DateTime<Utc>,
    is_chosen: bool,
}

impl Again<'_> {
    fn first(&self) -> String {
        self.letters.first().map(|letter| letter.id.to_string()).unwrap_or_default()
    }

    /// Returns why the message is not published; `None` if it is. `meanwhile` has the letters that others have resolved.
    fn withheld(&self, late: bool, kept_since: DateTime<Utc>, meanwhile: &Journal) -> Option<String> {
        let first = self.first();
        if let Some(discarded) = self.discarded {
            return Some(format!(
                "{first} was skipped: {discarded} is the same message, discarded for another consumer, which a replay \
                would reach; `shipyard dlq replay` takes both if both are named"
            ));
        }
        if !late && self.oldest < kept_since {
            return Some(format!(
                "{first} is older than the inbox retention, so that consumers that have handled its event would handle it \
                twice; discard it, or replay it with `shipyard dlq replay --late`"
            ));
        }
        let is_resolved = self.letters.iter().any(|letter| meanwhile.of(letter).is_some());
        is_resolved.then(|| format!("{first} was resolved by another operator meanwhile"))
    }
}

/// Returns the messages of the chosen letters, oldest first.
fn messages<'a>(letters: &'a [Found], chosen: &BTreeSet<Id>) -> Vec<Again<'a>> {
    let mut messages: Vec<Again> = Vec::new();
    let mut places = HashMap::new();
    for Found { letter, state } in letters.iter().filter(|found| found.letter.is_whole()) {
        let is_chosen = chosen.contains(&letter.id);
        let record = letter.original();
        let place = *places.entry(record.clone()).or_insert(messages.len());
        if place == messages.len() {
            let (letters, discarded) = (Vec::new(), None);
            messages.push(Again { record, letters, discarded, oldest: letter.at, is_chosen: false });
        }
        let Some(message) = messages.get_mut(place) else { continue };
        message.oldest = message.oldest.min(letter.at);
        message.is_chosen |= is_chosen;
        if is_chosen || *state == State::Pending {
            message.letters.push(letter);
        } else if matches!(state, State::Discarded(_)) {
            message.discarded = Some(&letter.id);
        }
    }
    messages.retain(|message| message.is_chosen);
    messages
}

#[cfg(test)]
mod tests {
    use platform::kafka::{HEADER_ERROR, HEADER_LEFT_OUT, HEADER_ORIGINALS, HEADER_TOPIC, Message};

    use super::*;
    use crate::dead_letter_journal::Entry;

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

    fn state(action: Action, letter: &DeadLetter) -> State {
        let entry = Entry::now(letter, "events.v1.OrderPaid", action, "ann", "");
        if action == Action::Replayed { State::Replayed(entry) } else { State::Discarded(entry) }
    }

    #[test]
    fn a_message_with_a_letter_older_than_the_inbox_retention_is_not_replayed_by_default() {
        let letters = [pending(letter(17, b"event"))];
        let chosen = BTreeSet::from([letters[0].letter.id.clone()]);
        let withheld = |late, seconds| {
            let kept_since = chrono::DateTime::UNIX_EPOCH + Duration::from_secs(seconds);
            messages(&letters, &chosen)[0].withheld(late, kept_since, &Journal::default())
        };

        assert!(withheld(false, 1).unwrap().contains("older than the inbox retention"));
        assert_eq!((withheld(false, 0), withheld(true, 1)), (None, None));
    }

    #[test]
    fn a_replay_resolves_no_letter_again_and_undoes_no_discard() {
        let (old, new, other) = (letter(0, b"a"), letter(1, b"a"), letter(2, b"a"));
        let chosen = BTreeSet::from([new.id.clone()]);
        let replayed = Found { state: state(Action::Replayed, &old), letter: old };
        let discarded = Found { state: state(Action::Discarded, &other), letter: other };
        let now = chrono::DateTime::UNIX_EPOCH;

        let once = [replayed.clone(), pending(new.clone())];
        let messages_once = messages(&once, &chosen);
        let both = [replayed, pending(new), discarded.clone()];
        let messages_both = messages(&both, &chosen);
        let named = BTreeSet::from([discarded.letter.id.clone(), both[1].letter.id.clone()]);

        let resolved: Vec<i64> = messages_once[0].letters.iter().map(|letter| letter.id.offset).collect();
        assert_eq!((messages_once.len(), resolved), (1, vec![1]));
        let reason = messages_both[0].withheld(false, now, &Journal::default()).unwrap();
        assert!(reason.contains("order.paid.dlq/0/2 is the same message, discarded"), "{reason}");
        assert_eq!(messages(&both, &named)[0].withheld(false, now, &Journal::default()), None);
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
            messages.iter().map(|message| message.letters.iter().map(|letter| letter.id.offset).collect()).collect()
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
