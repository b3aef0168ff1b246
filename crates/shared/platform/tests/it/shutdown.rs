//! Tests of requests that are in flight when a program is signalled to stop.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, routing::post};
use outbox::{Event, MemoryOutbox, Publisher, Record, Relay, Waker};
use platform::{
    http,
    server::{readiness::Readiness, shutdown::Tasks},
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::serving::bind;

/// How long the program still serves after it has stopped being ready.
const DRAIN: Duration = Duration::from_secs(3);
/// The duration of a request, nearly the longest possible.
const WORK: Duration = Duration::from_secs(9);

/// A broker that counts the records.
#[derive(Clone, Default)]
struct Broker(Arc<AtomicUsize>);

#[async_trait]
impl Publisher for Broker {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        self.0.fetch_add(records.len(), Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_in_hand_at_the_stop_is_answered_and_its_event_published_before_the_end() {
    let (outbox, waker, broker) = (MemoryOutbox::default(), Waker::default(), Broker::default());
    let begun = Arc::new(Notify::new());
    let handler = {
        let (outbox, begun, waker) = (outbox.clone(), begun.clone(), waker.clone());
        async move || {
            begun.notify_one();
            tokio::time::sleep(WORK).await;
            outbox.insert(Event { uuid: Uuid::from_u128(1), kind: "kind", key: Uuid::from_u128(1), payload: vec![] });
            waker.wake();
        }
    };
    let topics = HashMap::from([("kind", "topic".to_owned())]);
    let relay = Relay::new("test", Arc::new(outbox.clone()), Arc::new(broker.clone()), topics, &waker);
    let (listener, address) = bind().await;
    let url = format!("http://{address}");
    let router = http::layers(Router::new().route("/", post(handler)));
    let stop = CancellationToken::new();
    let mut tasks = Tasks::new(&stop);
    let readiness = Readiness::new(DRAIN);
    tasks.serve("http", |stop| http::serve(listener, router, readiness.clone(), stop));
    tasks.spawn("outbox", |stop| relay.run(stop));
    let program = tokio::spawn(tasks.join());
    let client = http::client(Duration::from_secs(20)).unwrap();
    let request = tokio::spawn(client.post(url).send());
    begun.notified().await;

    let stopped = Instant::now();
    stop.cancel();
    program.await.unwrap().unwrap();

    assert!(!readiness.is_ready());
    assert_eq!(request.await.unwrap().unwrap().status(), 200);
    assert_eq!(broker.0.load(Ordering::Relaxed), 1, "its event is not published");
    assert!(outbox.events().iter().all(|(_, published)| *published), "its event is not marked");
    assert!(stopped.elapsed() < WORK + Duration::from_secs(2), "the end came {:?} after the stop", stopped.elapsed());
}
