//! The records of an outbox and their publisher, which sends them to their topics and reports the outcome of each.

use std::collections::HashMap;

use async_trait::async_trait;
use futures::future::join_all;

/// The event's id.
pub const HEADER_EVENT_UUID: &str = "event-uuid";
/// The event's type.
pub const HEADER_EVENT_TYPE: &str = "event-type";
/// When the event was written, in RFC 3339, by the database's clock.
pub const HEADER_EVENT_TIME: &str = "event-time";
pub const HEADER_CONTENT_TYPE: &str = "content-type";

/// A record to be published: one event with its topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub topic: String,
    /// The text of the event's key.
    pub key: Vec<u8>,
    pub payload: Vec<u8>,
    pub headers: HashMap<String, String>,
}

#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Publishes the records in their order and returns once every record is acknowledged. After an error, some may
    /// have been published.
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()>;

    /// Publishes the records and returns the outcome of each, within a time limit. Sends a record only once the earlier
    /// ones of its key are acknowledged, see [`in_order_of_keys`]. This default implementation returns one outcome for
    /// all records.
    async fn publish_each(&self, records: Vec<Record>) -> Vec<PublishOutcome> {
        let count = records.len();
        match self.publish(records).await {
            Ok(()) => std::iter::repeat_with(|| PublishOutcome::Acknowledged).take(count).collect(),
            Err(error) => PublishOutcome::all_unavailable(count, error, None),
        }
    }
}

#[derive(Debug)]
pub enum PublishOutcome {
    Acknowledged,
    /// Not sent, because an earlier record of its key is not acknowledged or the time limit passed.
    NotSent,
    /// Refused, or not acknowledged in time although other records are. The record may be in its topic nevertheless.
    Refused(Refused),
    /// The broker cannot be reached, or refuses this client; this says nothing about the record.
    Unavailable(Unavailable),
}

/// Why no record can be published.
#[derive(Debug)]
pub struct Unavailable {
    pub error: anyhow::Error,
    /// A short reason if the broker refuses this client, such as `not authorised`.
    pub reason: Option<&'static str>,
}

/// Why a record is not acknowledged although the broker can be reached.
#[derive(Debug)]
pub struct Refused {
    pub scope: Scope,
    pub error: anyhow::Error,
    /// A short reason if the broker refuses this client, such as `not authorised`.
    pub reason: Option<&'static str>,
}

/// Which other records are refused for the same reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Topic,
    /// No other record. Only later records of the same key have to wait.
    Record,
}

impl PublishOutcome {
    /// Returns outcomes after an error that concerns all `count` records. `reason` is that of [`Unavailable`].
    pub fn all_unavailable(count: usize, error: anyhow::Error, reason: Option<&'static str>) -> Vec<Self> {
        let first = std::iter::once(Self::Unavailable(Unavailable { error, reason }));
        first.chain(std::iter::repeat_with(|| Self::NotSent)).take(count).collect()
    }
}

/// Calls `send` with the index of each record. A record of a key is sent once the previous one has succeeded, since
/// otherwise a later record could be accepted although an earlier one was refused. Different keys do not wait for each
/// other. Returns `None` for the records after a failed record of their key.
pub async fn in_order_of_keys<F, E>(records: &[Record], send: impl Fn(usize) -> F) -> Vec<Option<Result<(), E>>>
where
    F: Future<Output = Result<(), E>>,
{
    let mut chain_of: HashMap<&[u8], usize> = HashMap::with_capacity(records.len());
    let mut chains: Vec<Vec<usize>> = Vec::with_capacity(records.len());
    for (place, record) in records.iter().enumerate() {
        let chain = *chain_of.entry(&record.key).or_insert(chains.len());
        match chains.get_mut(chain) {
            Some(chain) => chain.push(place),
            None => chains.push(vec![place]),
        }
    }
    let send_all = |chain: Vec<usize>| {
        let send = &send;
        async move {
            let mut results = Vec::with_capacity(chain.len());
            for place in chain {
                let result = send(place).await;
                let failed = result.is_err();
                results.push((place, result));
                if failed {
                    break;
                }
            }
            results
        }
    };
    let mut outcomes: Vec<_> = records.iter().map(|_| None).collect();
    for (place, result) in join_all(chains.into_iter().map(send_all)).await.into_iter().flatten() {
        outcomes[place] = Some(result);
    }
    outcomes
}
