//! `dlq replay`: publishes dead letters to their original topics, byte for byte.

use std::collections::HashMap;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use platform::{
    clock,
    kafka::{ExactRecord, KafkaPublisher},
};

use super::{
    DeadLetterQueue, Found, State,
    recorder::{Recorder, who},
};
use operations::dead_letter_journal::Action;
use operations::dead_letters::{DeadLetter, Id};

/// Replays the named letters, or all pending ones.
///
/// A message that several consumers dead-lettered is published once. Its letters are recorded as resolved after the broker has
/// acknowledged it, so that an interrupted replay may publish one message twice.
///
/// A letter older than the inbox retention is skipped unless `late` is set: consumers that have handled its event would
/// handle it twice.
pub async fn replay(
    queue: &DeadLetterQueue,
    named: &[Id],
    topic: Option<&str>,
    late: bool,
    said: Option<String>,
) -> anyhow::Result<()> {
    let letters = queue.letters(topic).await?;
    for id in named {
        let known = letters.iter().find(|found| found.letter.id == *id);
        let Found { letter, .. } =
            known.with_context(|| format!("there is no dead letter {id}; see `shipyard dlq list --all`"))?;
        anyhow::ensure!(
            letter.is_whole(),
            "{id} was too large to be kept in full; `shipyard dlq show {id}` tells its origin"
        );
    }
    let who = who(said).unwrap_or_else(|| "unknown".to_owned());
    let mut recorder = Recorder::begin(queue, &letters, who).await?;
    let messages = messages(&letters, named);
    let publisher = KafkaPublisher::new(&queue.config)?;
    let progress = super::progress(messages.len() as u64);
    let (mut sent, mut resolved, mut failed) = (0, 0, 0);
    let kept_since = clock::now() - queue.config.effect_retention();
    for (record, letters) in messages {
        let first = letters.first().map(|letter| letter.id.to_string()).unwrap_or_default();
        progress.set_message(first.clone());
        if !late && letters.iter().any(|letter| is_older_than_inboxes(letter, kept_since)) {
            progress.suspend(|| {
                eprintln!("{first} is older than the inbox retention, so that consumers that have handled its event would handle it twice; discard it, or add --late");
            });
            failed += 1;
            continue;
        }
        if let Err(error) = publisher.publish_exact(&record).await {
            // This happens to a message that was compressed when it was first published, and is too large without
            // compression.
            progress.suspend(|| eprintln!("{first} could not be replayed: {error:#}"));
            failed += 1;
            continue;
        }
        sent += 1;
        resolved += letters.len();
        recorder.record(&letters, Action::Replayed, "").await?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    println!("{sent} messages replayed, {resolved} dead letters resolved");
    anyhow::ensure!(failed == 0, "{failed} messages could not be replayed");
    Ok(())
}

/// Returns the messages to publish, oldest first, each with the letters that it resolves.
fn messages<'a>(letters: &'a [Found], named: &[Id]) -> Vec<(ExactRecord, Vec<&'a DeadLetter>)> {
    let mut messages: Vec<(ExactRecord, Vec<&DeadLetter>, bool)> = Vec::new();
    let mut places = HashMap::new();
    for Found { letter, state } in letters.iter().filter(|found| found.letter.is_whole()) {
        let wanted = if named.is_empty() { *state == State::Pending } else { named.contains(&letter.id) };
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
    use platform::kafka::{HEADER_ERROR, HEADER_LEFT_OUT, HEADER_TOPIC, Message};

    use super::*;

    fn letter(offset: i64, payload: &[u8]) -> DeadLetter {
        let headers = [("event-type", "events.v1.OrderPaid"), (HEADER_TOPIC, "shop.paid"), (HEADER_ERROR, "no")];
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
        let offsets = |named: &[Id]| -> Vec<Vec<i64>> {
            let messages = messages(&letters, named);
            messages.iter().map(|(_, letters)| letters.iter().map(|letter| letter.id.offset).collect()).collect()
        };

        assert_eq!(offsets(&[]), [vec![0, 1], vec![2]]);
        assert_eq!(offsets(&[letter(1, b"").id]), [vec![0, 1]]);
    }

    #[test]
    fn a_truncated_letter_is_not_replayed() {
        let mut cut = letter(0, b"");
        cut.message.headers.push_text(HEADER_LEFT_OUT, "5000000");

        assert!(messages(&[pending(cut)], &[]).is_empty());
    }

    #[test]
    fn a_resolved_letter_is_replayed_only_by_name() {
        let replayed = Found { letter: letter(0, b"a"), state: State::Replayed(None) };
        let letters = [replayed, pending(letter(1, b"b"))];

        assert_eq!(messages(&letters, &[]).len(), 1);
        assert_eq!(messages(&letters, &[letter(0, b"").id])[0].1[0].id, letter(0, b"").id);
    }
}
