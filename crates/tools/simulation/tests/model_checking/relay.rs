//! A model of how events of one key leave an outbox. Two relays compete, one of an older version. The lease may expire
//! at any moment; the broker may refuse a record, lose its acknowledgement or be unavailable; and a relay may crash at
//! every step.
//!
//! The table and the lease are the real in-memory implementations, rebuilt for each step. A relay reads its next batch
//! while it publishes one and marks the previous one. The model leaves out rows of other keys.

use futures::FutureExt as _;
use outbox::{Event, MemoryOutbox, Outbox as _, Unpublished};
use simulation::{OutboxRow, Write};
use stateright::{Checker as _, Model, Property};
use uuid::Uuid;

use crate::{
    goal::stuck,
    responses::{Failure, Response, responses},
};

const EVENTS: usize = 3;
/// A limit above the number of rows.
const ALL: i64 = 10;
/// The number of rows that a relay reads at once.
const BATCH_SIZE: i64 = 2;
const KEY: Uuid = Uuid::from_u128(1);
const HOLDERS: [&str; 2] = ["older", "newer"];
const NEW_KIND: &str = "new";
const KINDS: [&str; EVENTS] = ["known", NEW_KIND, "known"];
const TTL: std::time::Duration = std::time::Duration::from_hours(1);

/// The relays. They change the table only while they hold the lease (`fenced`), or always. They send a record once the
/// earlier ones are acknowledged (`in_turn`), or all records at once.
#[derive(Clone, Copy)]
struct Relays {
    fenced: bool,
    in_turn: bool,
}

const RELAYS: Relays = Relays { fenced: true, in_turn: true };

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    written: usize,
    published: [bool; EVENTS],
    aside: [bool; EVENTS],
    /// The events in the topic, by first appearance.
    topic: Vec<usize>,
    /// The latest leaseholder. The model stores 2 for its epoch, and 1 for every earlier epoch.
    holder: Option<usize>,
    expired: bool,
    relays: [Relay; 2],
    /// True if a relay changed the table after it had lost its lease.
    trespassed: bool,
    /// True if a row changed in a way that the check of a recording does not accept.
    unexpected: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Relay {
    Idle,
    /// The relay has held the lease in this epoch.
    Holds(i64, InHand),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct InHand {
    /// The rows that were read and are to be published; `aside` has those to be set aside.
    ready: Vec<i64>,
    aside: Vec<i64>,
    publishing: Vec<i64>,
    /// The rows whose records the broker has acknowledged.
    unmarked: Vec<i64>,
    /// True until the retry of a refused topic. Until then, all rows are set aside.
    topic_waits: bool,
}

impl InHand {
    /// Returns true if the relay processes no rows.
    fn is_idle(&self) -> bool {
        *self == Self { topic_waits: self.topic_waits, ..Self::default() }
    }

    fn has_read(&self) -> bool {
        !self.ready.is_empty() || !self.aside.is_empty()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Write,
    Expire,
    Acquire(usize),
    TakeBack(usize),
    Read(usize),
    SetAside(usize),
    /// The relay sends the rows that it has read to the broker.
    Send(usize),
    /// The broker responds.
    Publish(usize, Response),
    /// The record was refused because of its topic.
    RefuseTopic(usize),
    /// The refused topic may be tried again.
    RetryTopic(usize),
    Mark(usize),
    Release(usize),
    Die(usize),
}

impl Action {
    /// Returns the statement that changes rows; `None` if the action has none.
    fn write(self) -> Option<Write> {
        match self {
            Self::Write => Some(Write::Insert),
            Self::SetAside(_) => Some(Write::SetAside),
            Self::TakeBack(_) => Some(Write::TakeBack),
            Self::Mark(_) => Some(Write::Mark),
            _ => None,
        }
    }
}

fn now<T>(work: impl Future<Output = anyhow::Result<T>>) -> T {
    work.now_or_never().expect("memory responds at once").expect("memory responds")
}

impl State {
    fn row(&self, place: usize) -> OutboxRow {
        if place < self.written { OutboxRow::new(self.published[place], self.aside[place]) } else { OutboxRow::Absent }
    }

    /// Returns the table and its lease, as the relay sees them.
    fn outbox(&self, relay: usize) -> MemoryOutbox {
        let table = MemoryOutbox::default();
        let rivals = HOLDERS.map(|holder| table.rival(holder));
        let insert = |place: usize| {
            let uuid = Uuid::from_u128(place as u128);
            table.insert(Event { uuid, kind: KINDS[place], key: KEY, payload: Vec::new() });
        };
        (0..self.written).for_each(insert);
        let places = |of: &[bool; EVENTS]| (0..).zip(of).filter(|(_, is)| **is).map(|(id, _)| id).collect::<Vec<i64>>();
        if let Some(holder) = self.holder {
            for holder in [1 - holder, holder] {
                let epoch = now(rivals[holder].lease(TTL)).expect("the lease is free");
                now(rivals[holder].set_aside(epoch, &places(&self.aside)));
                now(rivals[holder].mark(epoch, &places(&self.published)));
                if holder != self.holder.unwrap_or(holder) || self.expired {
                    now(rivals[holder].release(epoch));
                }
            }
        }
        rivals[relay].clone()
    }

    /// Appends the rows that the broker accepts to the topic.
    fn append(&mut self, rows: &[i64], response: Response) {
        let noticed = rows.iter().take(response.acknowledged + usize::from(response.unnoticed));
        let behind = rows.iter().skip(response.acknowledged + 1);
        let behind = behind.filter(|_| response.failure == Some(Failure::Overtaken));
        for id in noticed.chain(behind) {
            let event = usize::try_from(*id).expect("a place");
            if !self.topic.contains(&event) {
                self.topic.push(event);
            }
        }
    }

    /// Updates the state from the table.
    fn read_back(&mut self, outbox: &MemoryOutbox) {
        for (place, (_, published)) in outbox.events().into_iter().enumerate() {
            self.published[place] = published;
        }
        let waiting: Vec<i64> = now(outbox.unpublished(ALL, &[])).into_iter().map(|row| row.id).collect();
        for (id, place) in (0..).zip(0..self.written) {
            self.aside[place] = !self.published[place] && !waiting.contains(&id);
        }
    }
}

/// Sorts rows like `Relay::sort`.
fn sort(relay: usize, rows: Vec<Unpublished>, topic_waits: bool) -> (Vec<i64>, Vec<i64>) {
    let mut held_back = topic_waits;
    let (ready, aside): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| {
        held_back |= row.is_behind || (relay == 0 && row.event_type == NEW_KIND);
        !held_back
    });
    let ids = |rows: Vec<Unpublished>| rows.into_iter().map(|row| row.id).collect();
    (ids(ready), ids(aside))
}

impl Model for Relays {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            written: 0,
            published: [false; EVENTS],
            aside: [false; EVENTS],
            topic: Vec::new(),
            holder: None,
            expired: false,
            relays: [Relay::Idle, Relay::Idle],
            trespassed: false,
            unexpected: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend([Action::Write, Action::Expire]);
        for relay in 0..HOLDERS.len() {
            match &state.relays[relay] {
                Relay::Idle => actions.push(Action::Acquire(relay)),
                Relay::Holds(_, hand) => {
                    let between = hand.publishing.is_empty();
                    actions.push(Action::Die(relay));
                    actions.extend(between.then_some(Action::Acquire(relay)));
                    actions.extend(between.then_some(Action::TakeBack(relay)));
                    actions.extend((between && hand.is_idle()).then_some(Action::Release(relay)));
                    actions.extend((!hand.has_read()).then_some(Action::Read(relay)));
                    actions.extend((between && !hand.aside.is_empty()).then_some(Action::SetAside(relay)));
                    let can_send = between && hand.aside.is_empty() && !hand.ready.is_empty();
                    actions.extend(can_send.then_some(Action::Send(relay)));
                    if !between {
                        let responses = responses(hand.publishing.len(), self.in_turn).into_iter();
                        actions.extend(responses.map(|response| Action::Publish(relay, response)));
                    }
                    actions.extend((!hand.aside.is_empty()).then_some(Action::RefuseTopic(relay)));
                    actions.extend(hand.topic_waits.then_some(Action::RetryTopic(relay)));
                    actions.extend((!hand.unmarked.is_empty()).then_some(Action::Mark(relay)));
                }
            }
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Write => state.written = (state.written + 1).min(EVENTS),
            Action::Expire => state.expired = state.holder.is_some(),
            Action::Die(relay) => state.relays[relay] = Relay::Idle,
            Action::Acquire(relay)
            | Action::TakeBack(relay)
            | Action::Read(relay)
            | Action::SetAside(relay)
            | Action::Send(relay)
            | Action::Publish(relay, _)
            | Action::RefuseTopic(relay)
            | Action::RetryTopic(relay)
            | Action::Mark(relay)
            | Action::Release(relay) => self.work(&mut state, relay, action),
        }
        let is_expected = |place| {
            let (row, after) = (before.row(place), state.row(place));
            row == after || action.write().is_some_and(|write| row.after(write) == Some(after))
        };
        let all_expected = (0..EVENTS).all(is_expected);
        state.unexpected |= !all_expected;
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("events of one key appear in their order", |_, state: &State| state.topic.is_sorted()),
            Property::always("what is marked is published", |_, state: &State| {
                (0..EVENTS).all(|event| !state.published[event] || state.topic.contains(&event))
            }),
            Property::always("a relay without the lease changes nothing", |_, state: &State| !state.trespassed),
            Property::always("a recording of each row is accepted", |_, state: &State| !state.unexpected),
            Property::sometimes("an event is set aside", |_, state: &State| state.aside[1]),
            Property::sometimes("an event whose type is known is set aside", |_, state: &State| state.aside[0]),
            Property::sometimes("a record is refused to a relay that has lost its lease", |_, state: &State| {
                state.relays.iter().any(|relay| matches!(relay, Relay::Holds(1, hand) if hand.topic_waits))
            }),
            Property::sometimes("a relay goes on after it has lost its lease", |_, state: &State| {
                state.relays.iter().any(|relay| matches!(relay, Relay::Holds(1, hand) if !hand.unmarked.is_empty()))
            }),
            Property::sometimes("a batch is read while another is published", |_, state: &State| {
                let both = |hand: &InHand| hand.has_read() && !hand.publishing.is_empty();
                state.relays.iter().any(|relay| matches!(relay, Relay::Holds(_, hand) if both(hand)))
            }),
        ]
    }
}

impl Relays {
    fn work(self, state: &mut State, relay: usize, action: Action) {
        let outbox = state.outbox(relay);
        let shown = |epoch: i64| if self.fenced { epoch } else { outbox.epoch() };
        let (current, rows_before) = (outbox.epoch(), (state.published, state.aside));
        let (held, mut hand) = match state.relays[relay].clone() {
            Relay::Idle => (0, InHand::default()),
            Relay::Holds(epoch, hand) => (epoch, hand),
        };
        let mut released = false;
        match action {
            Action::Acquire(_) => {
                let acquired = now(outbox.lease(TTL));
                if acquired.is_some() && state.holder != Some(relay) {
                    // The previous holder's epoch is no longer the current one.
                    age(&mut state.relays[1 - relay]);
                    state.holder = Some(relay);
                }
                state.expired &= acquired.is_none();
                // The relay drops rows from an earlier epoch, since another relay may have published them.
                let kept = if held == 2 { hand } else { InHand::default() };
                state.relays[relay] = acquired.map_or(Relay::Idle, |_| Relay::Holds(2, kept));
                return;
            }
            Action::TakeBack(_) => {
                let kinds: &[&str] = match relay {
                    _ if hand.topic_waits => &[],
                    0 => &["known"],
                    _ => &["known", NEW_KIND],
                };
                now(outbox.take_back(shown(held), kinds, 1_000));
            }
            Action::Read(_) => {
                let besides = [&hand.publishing[..], &hand.unmarked].concat();
                (hand.ready, hand.aside) = sort(relay, now(outbox.unpublished(BATCH_SIZE, &besides)), hand.topic_waits);
            }
            Action::SetAside(_) => now(outbox.set_aside(shown(held), &std::mem::take(&mut hand.aside))),
            Action::Send(_) => hand.publishing = std::mem::take(&mut hand.ready),
            Action::Publish(_, response) => {
                let mut acknowledged = std::mem::take(&mut hand.publishing);
                state.append(&acknowledged, response);
                let failed = acknowledged.split_off(response.acknowledged);
                hand.unmarked.append(&mut acknowledged);
                if response.failure.is_some() {
                    // After a failure, the relay drops the rows that it has read.
                    hand = InHand { unmarked: hand.unmarked, topic_waits: hand.topic_waits, ..InHand::default() };
                }
                if matches!(response.failure, Some(Failure::Refused | Failure::Overtaken)) {
                    hand.aside = failed;
                }
            }
            Action::RefuseTopic(_) => hand.topic_waits = true,
            Action::RetryTopic(_) => hand.topic_waits = false,
            Action::Mark(_) => now(outbox.mark(shown(held), &std::mem::take(&mut hand.unmarked))),
            Action::Release(_) => {
                now(outbox.release(held));
                state.expired |= held == current && state.holder == Some(relay);
                released = true;
            }
            Action::Write | Action::Expire | Action::Die(_) => {}
        }
        state.relays[relay] = if released { Relay::Idle } else { Relay::Holds(held, hand) };
        state.read_back(&outbox);
        state.trespassed |= held != current && rows_before != (state.published, state.aside);
    }
}

fn age(relay: &mut Relay) {
    if let Relay::Holds(epoch, _) = relay {
        *epoch = 1;
    }
}

fn check(relays: Relays) -> impl stateright::Checker<Relays> {
    relays.checker().threads(2).spawn_bfs().join()
}

#[test]
fn events_of_one_key_keep_their_order_and_none_is_lost() {
    let start = std::time::Instant::now();

    let checked = check(RELAYS);
    checked.assert_properties();
    let (stuck, states) = stuck(&RELAYS, |state| state.published == [true; EVENTS]);

    assert_eq!(stuck, None);
    assert_eq!(states, checked.unique_state_count());
    println!("outbox, lease and relays: {states} states in {:.1?}", start.elapsed());
}

#[test]
fn without_the_epoch_a_relay_without_the_lease_changes_the_table() {
    let checked = check(Relays { fenced: false, ..RELAYS });

    let path = checked.assert_any_discovery("a relay without the lease changes nothing");
    println!("{:#?}", path.into_actions());
    // Relays mark only published rows, lose no event, and keep the order.
    checked.assert_no_discovery("events of one key appear in their order");
    checked.assert_no_discovery("what is marked is published");
}

#[test]
fn relays_that_send_the_records_of_a_key_together_do_not_keep_their_order() {
    let checked = check(Relays { in_turn: false, ..RELAYS });

    let path = checked.assert_any_discovery("events of one key appear in their order");
    println!("{:#?}", path.into_actions());
}
