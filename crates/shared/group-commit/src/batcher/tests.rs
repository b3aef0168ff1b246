//! Tests of concurrent batches. The tests of group commits cover batches that run one after another.

use tokio::time::Instant;

use super::*;

const OVERLAP_AFTER: Duration = Duration::from_millis(50);
const LIMITS: Limits = Limits { batch: 4, overlap_after: OVERLAP_AFTER, max_concurrent: 16 };

/// The requests of each batch, in the order in which the batches began.
type Executed = Arc<Mutex<Vec<Vec<u32>>>>;

/// Creates a batcher whose result is ten times the request. A batch takes as long as `takes` says for its first
/// request.
fn batcher(takes: fn(u32) -> Duration) -> (Batcher<u32, u32>, Executed) {
    let executed = Executed::default();
    let seen = executed.clone();
    let execute = move |entries: Vec<Entry<u32, u32>>| {
        let requests: Vec<u32> = entries.iter().map(|entry| entry.request).collect();
        let wait = tokio::time::sleep(takes(requests[0]));
        assert!(!requests.contains(&99), "a panic of the batch");
        seen.lock().unwrap().push(requests);
        async move {
            wait.await;
            for Entry { request, reply, .. } in entries {
                let _ = reply.send(request * 10);
            }
        }
    };
    (Batcher::new(LIMITS, |_, _| false, execute), executed)
}

/// Submits a request in its own task, and lets it wait for its batch.
async fn submit(batcher: &Batcher<u32, u32>, request: u32) -> tokio::task::JoinHandle<Result<u32, SubmitError>> {
    let batcher = batcher.clone();
    let submitted = tokio::spawn(async move { batcher.submit(request).await });
    tokio::time::sleep(Duration::from_millis(1)).await;
    submitted
}

#[tokio::test(start_paused = true)]
async fn a_batch_without_a_result_holds_up_the_next_one_for_its_time_limit_alone() {
    let (requests, _) = batcher(|first| Duration::from_secs(if first == 1 { 3600 } else { 0 }));
    let unanswered = submit(&requests, 1).await;
    let begun = Instant::now();

    let result = submit(&requests, 2).await.await.unwrap();

    assert_eq!(result, Ok(20));
    assert!(begun.elapsed() <= OVERLAP_AFTER, "{:?}", begun.elapsed());
    assert!(!unanswered.is_finished());
}

#[tokio::test(start_paused = true)]
async fn no_more_batches_run_at_once_than_the_bound() {
    let (requests, executed) = batcher(|_| Duration::from_secs(10));
    let mut submitted = Vec::new();
    for request in 0..20 {
        submitted.push(submit(&requests, request).await);
        tokio::time::sleep(OVERLAP_AFTER).await;
    }

    assert_eq!(executed.lock().unwrap().len(), LIMITS.max_concurrent);
    for submitted in submitted {
        assert!(submitted.await.unwrap().is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_loses_its_own_batch_alone() {
    let (requests, _) = batcher(|_| Duration::ZERO);
    let lost = submit(&requests, 99).await;

    assert_eq!(lost.await.unwrap(), Err(SubmitError::Lost));
    assert_eq!(requests.submit(1).await, Ok(10));
}
