//! A shop in memory, as operators see it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use chrono::DateTime;
use contracts::proto::operations::v1::{
    Action, AuditWork, Audited, Check, CheckState, DeadLetter, DeadLetterFilter, EndedAudit, EndedLetterWork, Header,
    LetterWork, Running,
};
use platform::{
    clock,
    grpc::{time, timestamp},
};
use tonic::Status;
use uuid::Uuid;

/// A payload and an error that are markup.
pub const MARKUP: &str = "<script>alert(1)</script>";

/// A shop in memory. A long action runs until the test ends it; then its dead letters are gone.
#[derive(Default)]
pub struct Shop(Mutex<State>);

#[derive(Default)]
pub struct State {
    pub letters: Vec<DeadLetter>,
    /// The letters that the running action takes.
    taken: Vec<DeadLetter>,
    pub letter_work: LetterWork,
    pub audits: AuditWork,
    /// The actions that were begun, with the session of the call.
    begun: Vec<String>,
    pub log: Vec<Action>,
    /// The operator whose actions the log gets.
    pub operator: Uuid,
    pub receipts: HashMap<String, Vec<Check>>,
}

impl Shop {
    pub fn with_letters(count: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { letters: (0..count).map(letter).collect(), ..State::default() })))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Adds a letter that came after the others.
    pub fn add_letter(&self, number: usize) {
        let at = Some(timestamp(clock::now() + std::time::Duration::from_secs(1)));
        self.state().letters.push(DeadLetter { at, ..letter(number) });
    }

    /// Gives an order a receipt with one check.
    pub fn add_receipt(&self, order: Uuid) {
        self.set_receipt(order, "2 orders");
    }

    /// Gives an order a receipt with one check that has this evidence.
    pub fn set_receipt(&self, order: Uuid, evidence: &str) {
        self.state().receipts.insert(order.to_string(), vec![check(CheckState::Held, evidence)]);
    }

    pub fn set_operator(&self, operator: Uuid) {
        self.state().operator = operator;
    }

    pub fn begun(&self) -> Vec<String> {
        self.state().begun.clone()
    }

    /// Ends the running action on dead letters with this result.
    pub fn end_letter_work(&self, sentence: &str) {
        let mut state = self.state();
        let taken = std::mem::take(&mut state.taken);
        state.letters.retain(|one| !taken.contains(one));
        let running = state.letter_work.running.take().unwrap();
        let (title, at, sentences) = (running.title, Some(timestamp(clock::now())), vec![sentence.to_owned()]);
        state.letter_work.last = Some(EndedLetterWork { title, at, error: None, sentences });
    }

    pub fn end_audit(&self) {
        let mut state = self.state();
        let audited = Audited {
            holds: false,
            summary: "1 of 2 invariants are broken, by 1 row".to_owned(),
            report: "the report of the command".to_owned(),
            checks: vec![check(CheckState::Held, "2 orders"), check(CheckState::Violated, MARKUP)],
        };
        let running = state.audits.running.take().unwrap();
        let (title, at) = (running.title, Some(timestamp(clock::now())));
        state.audits.last = Some(EndedAudit { title, at, error: None, audited: Some(audited) });
    }
}

impl State {
    pub fn matching(&self, filter: Option<DeadLetterFilter>) -> Vec<DeadLetter> {
        let filter = filter.unwrap_or_default();
        let until = filter.until.as_ref().and_then(time);
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let matches = |letter: &&DeadLetter| {
            is(&filter.letter, &letter.id)
                && is(&filter.topic, &letter.topic)
                && is(&filter.group, &letter.group)
                && until.is_none_or(|until| letter.at.as_ref().and_then(time) <= Some(until))
        };
        self.letters.iter().filter(matches).cloned().collect()
    }

    pub fn begin(
        &mut self,
        title: &str,
        what: &str,
        filter: Option<DeadLetterFilter>,
        session: &str,
    ) -> Result<LetterWork, Status> {
        if self.letter_work.running.is_some() {
            return Err(Status::aborted("dead letters are being replayed or discarded; wait until that has ended"));
        }
        self.taken = self.matching(filter);
        self.begun.push(format!("{what} {} in {session}", self.taken.len()));
        self.letter_work.running = Some(running(title, "messages", size(self.taken.len())));
        Ok(self.letter_work.clone())
    }
}

pub fn size(count: usize) -> u64 {
    count.try_into().unwrap()
}

pub fn running(title: &str, step: &str, total: u64) -> Running {
    Running {
        title: title.to_owned(),
        since: Some(timestamp(DateTime::UNIX_EPOCH)),
        step: step.to_owned(),
        done: 0,
        total,
    }
}

fn check(state: CheckState, evidence: &str) -> Check {
    Check {
        invariant: "1".to_owned(),
        text: "each order is charged once".to_owned(),
        state: state.into(),
        evidence: vec![evidence.to_owned()],
    }
}

fn letter(number: usize) -> DeadLetter {
    DeadLetter {
        id: format!("order.paid.dlq/0/{number}"),
        at: Some(timestamp(DateTime::UNIX_EPOCH)),
        topic: "order.paid".to_owned(),
        partition: "0".to_owned(),
        offset: number.to_string(),
        group: "assembly-group-order-paid".to_owned(),
        kind: "events.v1.OrderPaid".to_owned(),
        error: MARKUP.to_owned(),
        attempts: "1".to_owned(),
        key: MARKUP.to_owned(),
        headers: vec![Header { name: "event-type".to_owned(), value: MARKUP.to_owned() }],
        payload: format!("{MARKUP} {}", "x".repeat(100_000)),
    }
}
