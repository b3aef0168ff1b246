//! `dlq replay`: letters go back to the topics from which they came, as they were.

use std::collections::HashMap;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use platform::{
    clock,
    kafka::{KafkaPublisher, Record},
    outbox::Publisher as _,
};

use super::{
    Found, Post, State,
    settle::{Settling, who},
};
use operations::dead_letter_journal::Action;
use operations::dead_letters::{Id, Letter};

/// What the headers begin with that tell of a letter's death.
const OF_DEATH: &str = "dlq-";

/// Replays the named letters, or without names all that wait.
///
/// What several consumers could not handle is one message, and is sent once. A letter is marked when the broker has it: whoever is
/// stopped in between and begins again sends one message twice.
///
/// A letter that is older than the consumers' inboxes is left where it is unless `late`: the consumers that took its event then would
/// take it again.
pub async fn replay(
    post: &Post,
    named: &[Id],
    topic: Option<&str>,
    late: bool,
    said: Option<String>,
) -> anyhow::Result<()> {
    let letters = post.letters(topic).await?;
    for id in named {
        let known = letters.iter().find(|found| found.letter.id == *id);
        let Found { letter, .. } =
            known.with_context(|| format!("there is no letter {id}; `shipyard dlq list --all` names all"))?;
        anyhow::ensure!(
            letter.is_whole(),
            "{id} was too large to be kept whole; `shipyard dlq show {id}` says where it came from"
        );
    }
    let who = who(said).unwrap_or_else(|| "unknown".to_owned());
    let mut settling = Settling::begin(post, &letters, who).await?;
    let messages = messages(&letters, named);
    let publisher = KafkaPublisher::new(&post.config)?;
    let progress = super::progress(messages.len() as u64);
    let (mut sent, mut settled, mut refused) = (0, 0, 0);
    let kept_since = clock::now() - post.config.effect_retention();
    for (record, letters) in messages {
        let first = letters.first().map(|letter| letter.id.to_string()).unwrap_or_default();
        progress.set_message(first.clone());
        if !late && letters.iter().any(|letter| is_forgotten(letter, kept_since)) {
            progress.suspend(|| {
                eprintln!("{first} is older than the consumers' inboxes, so that an event which some of them have taken would be taken again; discard it, or add --late");
            });
            refused += 1;
            continue;
        }
        if let Err(error) = publisher.publish(vec![record]).await {
            // Such as one that came compressed and is too large as it is: the others do not wait for it.
            progress.suspend(|| eprintln!("{first} could not be sent again: {error:#}"));
            refused += 1;
            continue;
        }
        sent += 1;
        settled += letters.len();
        settling.settle(&letters, Action::Replayed, "").await?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    println!("{sent} messages sent again, {settled} letters settled");
    anyhow::ensure!(refused == 0, "{refused} messages could not be sent again");
    Ok(())
}

/// What is to be sent, the oldest first, and which letters that settles.
fn messages<'a>(letters: &'a [Found], named: &[Id]) -> Vec<(Record, Vec<&'a Letter>)> {
    let mut messages: Vec<(Record, Vec<&Letter>, bool)> = Vec::new();
    let mut places = HashMap::new();
    for Found { letter, state } in letters.iter().filter(|found| found.letter.is_whole()) {
        let wanted = if named.is_empty() { *state == State::Waiting } else { named.contains(&letter.id) };
        let record = alive(letter);
        let content = (record.topic.clone(), record.key.clone(), record.payload.clone());
        let place = *places.entry(content).or_insert(messages.len());
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

/// True for a letter whose event may be in no inbox any more.
fn is_forgotten(letter: &Letter, kept_since: DateTime<Utc>) -> bool {
    letter.at < kept_since
}

/// The message as it was before it was given up.
fn alive(letter: &Letter) -> Record {
    let message = letter.message.clone();
    let headers = message.headers.into_iter().filter(|(name, _)| !name.starts_with(OF_DEATH)).collect();
    Record { topic: letter.origin().to_owned(), key: message.key, payload: message.payload, headers }
}

#[cfg(test)]
mod tests {
    use platform::kafka::{HEADER_ERROR, HEADER_LEFT_OUT, HEADER_TOPIC, Message};

    use super::*;

    fn letter(offset: i64, payload: &[u8]) -> Letter {
        let headers = [("event-type", "events.v1.OrderPaid"), (HEADER_TOPIC, "shop.paid"), (HEADER_ERROR, "no")];
        Letter {
            id: Id { topic: "order.paid.dlq".to_owned(), partition: 0, offset },
            at: chrono::DateTime::UNIX_EPOCH,
            message: Message {
                key: b"order".to_vec(),
                payload: payload.to_vec(),
                headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                ..Message::default()
            },
        }
    }

    fn waiting(letter: Letter) -> Found {
        Found { letter, state: State::Waiting }
    }

    #[test]
    fn a_letter_that_is_older_than_the_inboxes_is_not_sent_by_itself() {
        let (letter, then) = (letter(17, b"event"), chrono::DateTime::UNIX_EPOCH);

        assert!(is_forgotten(&letter, then + std::time::Duration::from_secs(1)));
        assert!(!is_forgotten(&letter, then));
    }

    #[test]
    fn a_letter_goes_back_as_it_came() {
        let record = alive(&letter(17, b"event"));

        assert_eq!((record.topic.as_str(), record.key.as_slice()), ("shop.paid", &b"order"[..]));
        assert_eq!(record.payload, b"event");
        assert_eq!(record.headers, HashMap::from([("event-type".to_owned(), "events.v1.OrderPaid".to_owned())]));
    }

    #[test]
    fn what_two_consumers_could_not_handle_is_sent_once() {
        let letters = [waiting(letter(0, b"a")), waiting(letter(1, b"a")), waiting(letter(2, b"b"))];
        let offsets = |named: &[Id]| -> Vec<Vec<i64>> {
            let messages = messages(&letters, named);
            messages.iter().map(|(_, letters)| letters.iter().map(|letter| letter.id.offset).collect()).collect()
        };

        assert_eq!(offsets(&[]), [vec![0, 1], vec![2]]);
        assert_eq!(offsets(&[letter(1, b"").id]), [vec![0, 1]]);
    }

    #[test]
    fn what_is_left_of_a_letter_that_was_too_large_is_not_sent() {
        let mut cut = letter(0, b"");
        cut.message.headers.insert(HEADER_LEFT_OUT.to_owned(), "5000000".to_owned());

        assert!(messages(&[waiting(cut)], &[]).is_empty());
    }

    #[test]
    fn what_is_settled_is_not_sent_again_unless_it_is_named() {
        let replayed = Found { letter: letter(0, b"a"), state: State::Replayed(None) };
        let letters = [replayed, waiting(letter(1, b"b"))];

        assert_eq!(messages(&letters, &[]).len(), 1);
        assert_eq!(messages(&letters, &[letter(0, b"").id])[0].1[0].id, letter(0, b"").id);
    }
}
