//! Operations of a shop in memory.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use console::{
    client::{Audited, Check, CheckState, OnProgress, Operations, Progress},
    model::{
        Backlog, Breaker, Discarded, Filter, Letter, LetterPage, LetterState, OutboxState, PartitionLag, Plan, Poison,
        Record, Replayed, ServiceState,
    },
};
use contracts::ids::OrderId;
use platform::auth::Author;
use tokio::sync::Semaphore;

/// A payload and an error that are markup.
pub const MARKUP: &str = "<script>alert(1)</script>";

/// A shop in memory. Its dead letters stay until they are replayed or discarded. A long action waits until the test adds a permit to
/// [`steps`](Self::steps).
pub struct Shop {
    letters: Mutex<Vec<Letter>>,
    /// What was done, on what, and by whom.
    pub done: Mutex<Vec<String>>,
    /// The number of steps that long actions may still take.
    pub steps: Semaphore,
    /// The number of receipts that have begun.
    pub receipts: AtomicUsize,
    /// The number of records of the last receipt.
    pub receipt_records: AtomicUsize,
    /// How many receipts may end at once. There is no limit until a test takes the permits.
    pub receipt_ends: Semaphore,
}

impl Shop {
    pub fn with_letters(count: usize) -> Arc<Self> {
        let letters = (0..count).map(letter).collect();
        Arc::new(Self {
            letters: Mutex::new(letters),
            done: Mutex::default(),
            steps: Semaphore::new(0),
            receipts: AtomicUsize::default(),
            receipt_records: AtomicUsize::default(),
            receipt_ends: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    /// Adds a letter that came after the others.
    pub fn add_letter(&self, number: usize) {
        let at = platform::clock::now() + std::time::Duration::from_secs(1);
        self.letters.lock().unwrap().push(Letter { at, ..letter(number) });
    }

    pub fn done(&self) -> Vec<String> {
        self.done.lock().unwrap().clone()
    }

    fn matching(&self, filter: &Filter) -> Vec<Letter> {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let matches = |letter: &&Letter| {
            is(&filter.letter, &letter.id)
                && is(&filter.topic, &letter.topic)
                && is(&filter.group, &letter.group)
                && filter.until.is_none_or(|until| letter.at <= until)
        };
        self.letters.lock().unwrap().iter().filter(matches).cloned().collect()
    }

    async fn act(&self, what: &str, filter: &Filter, by: &Author, progress: OnProgress) -> usize {
        let matching = self.matching(filter);
        progress(Progress { step: "messages".to_owned(), done: 0, total: matching.len() });
        self.steps.acquire().await.unwrap().forget();
        self.letters.lock().unwrap().retain(|one| matching.iter().all(|gone| gone.id != one.id));
        self.done.lock().unwrap().push(format!("{what} {} by {}", matching.len(), by.as_str()));
        matching.len()
    }
}

fn letter(number: usize) -> Letter {
    Letter {
        id: format!("order.paid.dlq/0/{number}"),
        at: DateTime::<Utc>::UNIX_EPOCH,
        state: LetterState::Pending,
        resolved: None,
        topic: "order.paid".to_owned(),
        partition: "0".to_owned(),
        offset: number.to_string(),
        group: "assembly-group-order-paid".to_owned(),
        kind: "events.v1.OrderPaid".to_owned(),
        error: MARKUP.to_owned(),
        attempts: "1".to_owned(),
        key: MARKUP.to_owned(),
        headers: vec![("event-type".to_owned(), MARKUP.to_owned())],
        payload: format!("{MARKUP} {}", "x".repeat(100_000)),
    }
}

#[async_trait]
impl Operations for Shop {
    async fn receipt(&self, _: OrderId, records: Vec<Record>) -> anyhow::Result<Vec<Check>> {
        self.receipts.fetch_add(1, Ordering::SeqCst);
        self.receipt_records.store(records.len(), Ordering::SeqCst);
        drop(self.receipt_ends.acquire().await?);
        Ok(Vec::new())
    }

    async fn services(&self) -> anyhow::Result<Vec<ServiceState>> {
        let breakers = vec![Breaker { peer: "payment".to_owned(), state: "open" }];
        let waiting_for = vec!["database".to_owned()];
        Ok(vec![
            ServiceState {
                service: "iam",
                version: Some("1.2.3".to_owned()),
                is_ready: true,
                ..ServiceState::default()
            },
            ServiceState { service: "order", breakers, waiting_for, ..ServiceState::default() },
            ServiceState { service: "geo", error: Some("it does not answer".to_owned()), ..ServiceState::default() },
        ])
    }

    async fn outboxes(&self) -> anyhow::Result<Vec<OutboxState>> {
        let oldest = Some(DateTime::<Utc>::UNIX_EPOCH);
        let backlog = Backlog { waiting: 1234, oldest, relay: Some("host-1-id".to_owned()), ..Backlog::default() };
        Ok(vec![OutboxState { service: "order", error: None, backlog }])
    }

    async fn lag(&self) -> anyhow::Result<Vec<PartitionLag>> {
        let lag = |partition, committed, lag| PartitionLag {
            service: "assembly",
            group: "assembly-group-order-paid",
            topic: "order.paid".to_owned(),
            partition,
            committed,
            end: 9,
            lag,
        };
        Ok(vec![lag(0, Some(7), 2), lag(1, None, 9)])
    }

    async fn dead_letters(&self, filter: &Filter, skip: usize, limit: usize) -> anyhow::Result<LetterPage> {
        let matching = self.matching(filter);
        let letters = matching.iter().skip(skip).take(limit).cloned().collect();
        let pending = self.letters.lock().unwrap().len();
        let newest = matching.iter().map(|letter| letter.at).max();
        Ok(LetterPage { matching: matching.len(), newest, pending, letters, ..LetterPage::default() })
    }

    async fn plan(&self, filter: &Filter) -> anyhow::Result<Plan> {
        let matching = self.matching(filter);
        let newest = matching.iter().map(|letter| letter.at).max();
        let (messages, first) = (matching.len(), matching.into_iter().next());
        let poison = first.map(|letter| Poison { letter: letter.id, reason: letter.error }).into_iter().collect();
        Ok(Plan { messages, letters: messages, poison, newest, ..Plan::default() })
    }

    async fn replay(&self, filter: &Filter, by: &Author, progress: OnProgress) -> anyhow::Result<Replayed> {
        let letters = self.act("replayed", filter, by, progress).await;
        Ok(Replayed { messages: letters, letters, problems: Vec::new() })
    }

    async fn discard(
        &self,
        filter: &Filter,
        by: &Author,
        why: &str,
        progress: OnProgress,
    ) -> anyhow::Result<Discarded> {
        let letters = self.act(&format!("for {why}, discarded"), filter, by, progress).await;
        Ok(Discarded { letters })
    }

    async fn audit(&self, progress: OnProgress) -> anyhow::Result<Audited> {
        progress(Progress { step: "read databases and topics".to_owned(), ..Progress::default() });
        self.steps.acquire().await.unwrap().forget();
        let check = |state, evidence: &str| Check {
            invariant: "1".to_owned(),
            text: "each order is charged once".to_owned(),
            state,
            evidence: vec![evidence.to_owned()],
        };
        Ok(Audited {
            holds: false,
            summary: "1 of 2 invariants are broken, by 1 row".to_owned(),
            report: "the report of the command".to_owned(),
            checks: vec![check(CheckState::Held, "2 orders"), check(CheckState::Violated, MARKUP)],
        })
    }
}
