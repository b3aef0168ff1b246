//! The messages that a replay publishes, one for all letters of the same message, and the reasons for skipping a
//! message.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use platform::kafka::HEADER_GROUP;

use super::{Found, State};
use crate::{
    dead_letters::{DeadLetter, Id},
    repository::resolved_letters::Resolved,
};

/// The maximum number of messages that a replay publishes before it records them as resolved. An interrupted replay may
/// publish that many twice.
const MAX_BATCH: usize = 100;
/// The maximum size of the payloads of a batch, which are in memory at once. A larger message is a batch of its own.
const MAX_BATCH_BYTES: usize = 16 << 20;

/// A message to publish again.
pub struct Again<'a> {
    /// The letters that become resolved by it: the pending ones and those that the operator named.
    pub letters: Vec<&'a DeadLetter>,
    /// The letters of an identical message that operators have discarded.
    discarded: Vec<&'a DeadLetter>,
    /// The earlier of the event's time and the time of the first letter in any state.
    pub oldest: DateTime<Utc>,
    is_chosen: bool,
}

impl Again<'_> {
    pub fn first(&self) -> String {
        self.letters.first().map(|letter| letter.id.to_string()).unwrap_or_default()
    }

    fn payload_size(&self) -> usize {
        self.letters.first().map_or(0, |letter| letter.payload_size())
    }

    /// Returns a discarded letter whose consumer has no letter in [`letters`](Self::letters). A consumer with a letter in
    /// both lists must get the message: an outside program sent it twice, and an operator discarded only one letter.
    pub fn discarded(&self) -> Option<&Id> {
        let is_wanted = |discarded: &DeadLetter| {
            let group = discarded.header(HEADER_GROUP);
            self.letters.iter().any(|letter| letter.header(HEADER_GROUP) == group)
        };
        self.discarded.iter().find(|letter| !is_wanted(letter)).map(|letter| &letter.id)
    }

    /// Returns why the message is skipped; `None` if it is published. `meanwhile` has the letters that other operators
    /// have resolved since the replay began.
    pub fn withheld(&self, late: bool, kept_since: DateTime<Utc>, meanwhile: &Resolved) -> Option<String> {
        let first = self.first();
        if let Some(discarded) = self.discarded() {
            return Some(format!(
                "{first} was skipped: {discarded} is the same message, discarded for another consumer, which a replay \
                would reach; `shipyard dlq replay` takes both if both are named"
            ));
        }
        if !late && self.oldest < kept_since {
            return Some(format!(
                "the event of {first} is older than KAFKA_TOPIC_RETENTION + KAFKA_TOPIC_SEGMENT, so that consumers \
                that have handled it could handle it twice; discard the letter, or replay it with `shipyard dlq replay \
                --late`"
            ));
        }
        let is_resolved = self.letters.iter().any(|letter| meanwhile.of(letter).is_some());
        is_resolved.then(|| format!("{first} was resolved by another operator meanwhile"))
    }
}

/// Returns the messages of the chosen letters, oldest first.
pub fn messages<'a>(letters: &'a [Found], chosen: &BTreeSet<Id>) -> Vec<Again<'a>> {
    let mut messages: Vec<Again> = Vec::new();
    let mut places = HashMap::new();
    for Found { letter, state } in letters.iter().filter(|found| found.letter.is_whole()) {
        let is_chosen = chosen.contains(&letter.id);
        let place = *places.entry((letter.original(), letter.outline)).or_insert(messages.len());
        if place == messages.len() {
            let (letters, discarded) = (Vec::new(), Vec::new());
            messages.push(Again { letters, discarded, oldest: letter.handled_since(), is_chosen: false });
        }
        let Some(message) = messages.get_mut(place) else { continue };
        message.oldest = message.oldest.min(letter.handled_since());
        message.is_chosen |= is_chosen;
        if is_chosen || *state == State::Pending {
            message.letters.push(letter);
        } else if matches!(state, State::Discarded(_)) {
            message.discarded.push(letter);
        }
    }
    messages.retain(|message| message.is_chosen);
    messages
}

/// Returns the batches in which these messages are published.
pub fn batches<'a>(messages: &'a [Again<'a>]) -> Vec<&'a [Again<'a>]> {
    let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (place, size) in messages.iter().map(Again::payload_size).enumerate() {
        if place > start && (place - start == MAX_BATCH || bytes + size > MAX_BATCH_BYTES) {
            batches.push(&messages[start..place]);
            (start, bytes) = (place, 0);
        }
        bytes += size;
    }
    if start < messages.len() {
        batches.push(&messages[start..]);
    }
    batches
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use platform::auth::Author;
    use platform::kafka::{
        HEADER_ERROR, HEADER_EVENT_TIME, HEADER_FAILED_AT, HEADER_LEFT_OUT, HEADER_ORIGINALS, HEADER_TOPIC, Message,
    };

    use super::*;
    use crate::repository::resolved_letters::{Action, ResolvedLetter};

    const KIND: &str = "events.v1.OrderPaid";

    fn letter(offset: i64, payload: &[u8]) -> DeadLetter {
        whole(offset, payload).without_payload(KIND)
    }

    fn whole(offset: i64, payload: &[u8]) -> DeadLetter {
        let headers =
            [("event-type", KIND), (HEADER_TOPIC, "shop.paid"), (HEADER_ERROR, "no"), (HEADER_ORIGINALS, "1")];
        DeadLetter {
            id: Id { topic: "order.paid.dlq".to_owned(), partition: 0, offset },
            at: chrono::DateTime::UNIX_EPOCH,
            message: Message {
                key: b"order".to_vec(),
                payload: payload.to_vec(),
                headers: headers.map(|(name, value)| (name.to_owned(), Some(value.into()))).into_iter().collect(),
                ..Message::default()
            },
            outline: None,
        }
    }

    fn of(group: &str, mut letter: DeadLetter) -> DeadLetter {
        letter.message.headers.push_text(HEADER_GROUP, group);
        letter
    }

    fn pending(letter: DeadLetter) -> Found {
        Found { letter, state: State::Pending }
    }

    fn state(action: Action, letter: &DeadLetter) -> State {
        let row = ResolvedLetter::now(letter, "events.v1.OrderPaid", action, &Author::part("test"), "");
        if action == Action::Replayed { State::Replayed(row) } else { State::Discarded(row) }
    }

    #[test]
    fn a_young_letter_of_an_event_that_inboxes_may_forget_is_not_replayed_by_default() {
        let day = |number: u64| chrono::DateTime::UNIX_EPOCH + Duration::from_hours(24 * number);
        // Other consumers handled the event on day 0 and removed their inbox rows on day 15.
        let young = DeadLetter { at: day(5), ..letter(17, b"event") };
        let mut of_event = DeadLetter { at: day(5), ..whole(17, b"event") };
        of_event.message.headers.push_text(HEADER_EVENT_TIME, day(0).to_rfc3339());
        let of_event = of_event.without_payload(KIND);
        let withheld = |letter: &DeadLetter, late| {
            let chosen = BTreeSet::from([letter.id.clone()]);
            messages(&[pending(letter.clone())], &chosen)[0].withheld(late, day(2), &Resolved::default())
        };

        assert!(withheld(&of_event, false).unwrap().contains("older than KAFKA_TOPIC_RETENTION"));
        assert_eq!((withheld(&of_event, true), withheld(&young, false)), (None, None));
    }

    #[test]
    fn a_replay_resolves_no_letter_again_and_undoes_no_discard() {
        let (old, new) = (letter(0, b"a"), letter(1, b"a"));
        let other = of("another-group", letter(2, b"a"));
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
        let reason = messages_both[0].withheld(false, now, &Resolved::default()).unwrap();
        assert!(reason.contains("order.paid.dlq/0/2 is the same message, discarded"), "{reason}");
        assert_eq!(messages(&both, &named)[0].withheld(false, now, &Resolved::default()), None);
    }

    #[test]
    fn a_message_that_was_sent_twice_is_replayed_after_one_of_its_letters_was_discarded() {
        let (first, second) = (of("order-service", letter(0, b"a")), of("order-service", letter(1, b"a")));
        let chosen = BTreeSet::from([second.id.clone()]);
        let discarded = Found { state: state(Action::Discarded, &first), letter: first };

        let both = [discarded, pending(second)];
        let messages = messages(&both, &chosen);

        let resolved: Vec<i64> = messages[0].letters.iter().map(|letter| letter.id.offset).collect();
        assert_eq!((messages.len(), resolved), (1, vec![1]));
        assert_eq!(messages[0].withheld(false, DateTime::UNIX_EPOCH, &Resolved::default()), None);
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
    fn a_batch_of_a_replay_ends_at_a_hundred_messages_or_at_sixteen_mebibytes() {
        let sizes = |letters: Vec<DeadLetter>| -> Vec<usize> {
            let chosen = letters.iter().map(|letter| letter.id.clone()).collect();
            let letters: Vec<Found> = letters.into_iter().map(pending).collect();
            let messages = messages(&letters, &chosen);
            batches(&messages).into_iter().map(<[_]>::len).collect()
        };
        let small = (0..201_i64).map(|offset| letter(offset, offset.to_string().as_bytes()));
        let large = [(0_u8, 6_usize), (1, 6), (2, 5), (3, 17), (4, 4)];
        let large = large.map(|(number, mebibytes)| letter(number.into(), &vec![number; mebibytes << 20]));

        assert_eq!(sizes(small.collect()), [100, 100, 1]);
        assert_eq!(sizes(large.into()), [2, 1, 1, 1]);
        assert!(sizes(Vec::new()).is_empty());
    }

    #[test]
    fn a_stranger_whose_headers_have_our_names_has_a_letter_that_can_be_replayed() {
        let own = [(HEADER_LEFT_OUT, "1"), (HEADER_EVENT_TIME, "1970-01-01T00:00:00Z"), (HEADER_FAILED_AT, "no time")];
        let added = [(HEADER_FAILED_AT, "2026-11-20T00:00:00Z"), (HEADER_ORIGINALS, "3")];
        let headers = own.into_iter().chain(added).map(|(name, value)| (name.to_owned(), Some(value.into())));
        let message = Message { headers: headers.collect(), ..Message::default() };
        let letter = DeadLetter::new("basket.confirmed.dlq", message, DateTime::UNIX_EPOCH).without_payload("");
        let (chosen, at) = (BTreeSet::from([letter.id.clone()]), letter.at);

        let letters = [pending(letter)];
        let messages = messages(&letters, &chosen);

        let withheld = messages.iter().map(|message| message.withheld(false, at, &Resolved::default()));
        assert_eq!(withheld.collect::<Vec<_>>(), [None]);
        assert_eq!(at.to_rfc3339(), "2026-11-20T00:00:00+00:00");
    }

    #[test]
    fn a_truncated_letter_is_not_replayed() {
        let mut cut = letter(0, b"");
        cut.message.headers.push_text(HEADER_LEFT_OUT, "5000000");

        let chosen = BTreeSet::from([cut.id.clone()]);

        assert!(messages(&[pending(cut)], &chosen).is_empty());
    }
}
