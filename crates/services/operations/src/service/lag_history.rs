//! The lag of the consumers now and over the last 15 minutes.
//!
//! The broker knows only the current lag, and the gauges of a service end when the service stops, which is when its lag
//! matters most. So this service reads the lag from the broker every 15 seconds. Each process has its own history,
//! which begins at its start.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use contracts::{
    events::Topics,
    proto::operations::v1::{LagPoint, ListLagsResponse, PartitionLag},
};
use platform::{clock, grpc::timestamp, jobs::caught, kafka, outage::Outage};
use tokio::{sync::Mutex, time::Instant};
use tokio_util::sync::CancellationToken;

use super::in_time;
use crate::backlogs;

/// The interval at which the lag is recorded.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(15);
/// A recorded lag is kept for this long.
const RETENTION: TimeDelta = TimeDelta::minutes(15);
/// Readers share one response of the broker for this long.
const CACHE_TTL: Duration = Duration::from_secs(2);

/// A partition of a topic, as one group reads it.
type Key = (String, String, i32);

#[derive(Clone)]
pub struct LagHistory {
    kafka: kafka::Config,
    topics: Topics,
    state: Arc<Mutex<State>>,
}

/// The size is bounded by the partitions and by [`RETENTION`] / [`SAMPLE_INTERVAL`].
#[derive(Default)]
struct State {
    latest: Option<(Instant, ListLagsResponse)>,
    /// The times and the lags of each partition, the oldest first.
    noted: HashMap<Key, VecDeque<(DateTime<Utc>, i64)>>,
}

impl LagHistory {
    pub fn new(kafka: kafka::Config, topics: Topics) -> Self {
        Self { kafka, topics, state: Arc::default() }
    }

    /// Returns the lag now. Concurrent callers share one request to the broker.
    pub async fn now(&self) -> anyhow::Result<ListLagsResponse> {
        let mut state = self.state.lock().await;
        match &state.latest {
            Some((asked, lags)) if asked.elapsed() < CACHE_TTL => Ok(lags.clone()),
            _ => self.ask(&mut state, false).await,
        }
    }

    pub async fn follow(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut outage = Outage::new("the lag of consumers", "lag-history");
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(SAMPLE_INTERVAL) => {}
            }
            match caught(self.note()).await {
                Ok(()) => outage.over(),
                Err(error) => outage.met(format!("{error:#}")),
            }
        }
    }

    async fn note(&self) -> anyhow::Result<()> {
        let mut state = self.state.lock().await;
        self.ask(&mut state, true).await.map(drop)
    }

    async fn ask(&self, state: &mut State, is_noted: bool) -> anyhow::Result<ListLagsResponse> {
        let (mut partitions, at) = (in_time(backlogs::lag(&self.kafka, &self.topics)).await?, clock::now());
        if is_noted {
            state.note(&partitions, at);
        }
        for lag in &mut partitions {
            lag.history = state.history(lag);
        }
        let lags = ListLagsResponse { at: Some(timestamp(at)), partitions };
        state.latest = Some((Instant::now(), lags.clone()));
        Ok(lags)
    }
}

fn key(lag: &PartitionLag) -> Key {
    (lag.group.clone(), lag.topic.clone(), lag.partition)
}

impl State {
    fn note(&mut self, partitions: &[PartitionLag], at: DateTime<Utc>) {
        for lag in partitions {
            self.noted.entry(key(lag)).or_default().push_back((at, lag.lag));
        }
        self.noted.retain(|_, points| {
            points.retain(|(noted, _)| *noted > at - RETENTION);
            !points.is_empty()
        });
    }

    fn history(&self, lag: &PartitionLag) -> Vec<LagPoint> {
        let noted = self.noted.get(&key(lag)).into_iter().flatten();
        noted.map(|(at, lag)| LagPoint { at: Some(timestamp(*at)), lag: *lag }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_has_fifteen_minutes_and_forgets_partitions_that_are_gone() {
        let lag = |partition, lag| PartitionLag {
            service: "order".to_owned(),
            group: "order-group".to_owned(),
            topic: "order.paid".to_owned(),
            partition,
            committed: None,
            end: lag,
            lag,
            history: Vec::new(),
        };
        let minute = |number| DateTime::UNIX_EPOCH + TimeDelta::minutes(number);
        let mut state = State::default();
        state.note(&[lag(0, 1), lag(1, 2)], minute(0));
        state.note(&[lag(0, 3)], minute(10));

        state.note(&[lag(0, 5)], minute(15));

        let seen: Vec<i64> = state.history(&lag(0, 5)).iter().map(|point| point.lag).collect();
        assert_eq!(seen, [3, 5]);
        assert!(state.history(&lag(1, 2)).is_empty() && state.noted.len() == 1);
    }
}
