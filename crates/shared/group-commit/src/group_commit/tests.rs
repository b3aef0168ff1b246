//! Tests of group commits with a writer in memory.

use std::{sync::Mutex, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};

use super::*;
use crate::{batcher::MAX_WAITING, errors::tests::error_with_code};

/// A writer that records its groups, and needs one permit for each.
#[derive(Clone)]
struct Writer {
    groups: Arc<Mutex<Vec<Vec<u32>>>>,
    permits: Arc<Semaphore>,
}

impl Writer {
    fn with_permits(permits: usize) -> Self {
        Self { groups: Arc::default(), permits: Arc::new(Semaphore::new(permits)) }
    }

    /// Creates a group commit whose result is ten times the request. The request 13 fails its group, 99 makes the
    /// writer panic, 77 finds the server unavailable, and 10_055 waits too long for a lock.
    fn commit(&self) -> GroupCommit<u32, u32> {
        let this = self.clone();
        GroupCommit::new(
            "test",
            |one, other| one == other,
            move |group: Arc<[u32]>| {
                let Self { groups, permits } = this.clone();
                async move {
                    permits.acquire().await.unwrap().forget();
                    groups.lock().unwrap().push(group.to_vec());
                    assert!(!group.contains(&99), "a panic of the statement");
                    if group.contains(&10_055) {
                        return Err(error_with_code("55P03"));
                    }
                    if group.contains(&77) {
                        return Err(sqlx::Error::PoolClosed);
                    }
                    if group.contains(&13) {
                        return Err(sqlx::Error::RowNotFound);
                    }
                    Ok(group.iter().map(|number| number * 10).collect())
                }
                .boxed()
            },
        )
    }

    fn groups(&self) -> Vec<Vec<u32>> {
        self.groups.lock().unwrap().clone()
    }
}

/// Submits the requests in turn, each once the previous ones wait or are being written.
async fn submit_all(
    commit: &GroupCommit<u32, u32>,
    requests: impl IntoIterator<Item = u32>,
) -> JoinSet<(u32, sqlx::Result<u32>)> {
    let mut callers = JoinSet::new();
    for request in requests {
        let commit = commit.clone();
        callers.spawn(async move { (request, commit.submit(request).await) });
        settle().await;
    }
    callers
}

/// Lets every task run until it has to wait.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Submits `request` and the following ones up to 60, one in each turn of the runtime.
fn submit_in_turns(commit: GroupCommit<u32, u32>, request: u32) -> BoxFuture<'static, ()> {
    async move {
        tokio::task::yield_now().await;
        // Submits the request first, so that the task that writes it runs before the task of the next request.
        let (result, ()) = tokio::join!(commit.submit(request), async {
            if request < 60 {
                tokio::spawn(submit_in_turns(commit.clone(), request + 1));
            }
        });
        result.unwrap();
    }
    .boxed()
}

#[tokio::test(start_paused = true)]
async fn a_group_lets_others_run_while_that_brings_it_requests_up_to_a_bound() {
    let writer = Writer::with_permits(100);

    submit_in_turns(writer.commit(), 20).await;
    settle().await;

    assert_eq!(writer.groups()[0], [20, 21, 22, 23, 24]);
    assert!(writer.groups().iter().flatten().copied().eq(20..=60), "{:?}", writer.groups());
}

#[tokio::test(start_paused = true)]
async fn readers_of_one_key_share_a_group_and_its_result() {
    let groups = Arc::new(Mutex::new(Vec::new()));
    let commit = GroupCommit::read_only("test", (), |number: &u32| *number, {
        let groups = groups.clone();
        move |(), numbers: Arc<[u32]>| {
            groups.lock().unwrap().push(numbers.to_vec());
            async move { Ok(numbers.iter().filter(|number| **number != 2).map(|number| (*number, number * 10)).collect()) }
        }
    });

    let results = futures::future::join_all([1, 1, 2, 3, 1].map(|number| commit.submit(number))).await;

    let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(results, [Some(10), Some(10), None, Some(30), Some(10)]);
    assert_eq!(*groups.lock().unwrap(), [[1, 1, 2, 3, 1]]);
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_key_are_written_one_after_another_and_hold_up_no_others() {
    let writer = Writer::with_permits(0);
    let commit = writer.commit();
    let callers = submit_all(&commit, [1, 5, 5, 6, 5, 7]).await;

    writer.permits.add_permits(9);
    let results = callers.join_all().await;

    assert_eq!(writer.groups(), [vec![1], vec![5, 6, 7], vec![5], vec![5]]);
    assert!(results.iter().all(|(request, result)| result.as_ref().is_ok_and(|result| *result == request * 10)));
}

#[tokio::test(start_paused = true)]
async fn a_group_has_a_bound_and_so_has_the_queue() {
    let writer = Writer::with_permits(0);
    let commit = writer.commit();
    let waiting = u32::try_from(MAX_WAITING).unwrap();
    let mut callers = submit_all(&commit, [100]).await;
    for request in (101..).take(MAX_WAITING) {
        let commit = commit.clone();
        callers.spawn(async move { (request, commit.submit(request).await) });
    }
    settle().await;

    let refused = commit.submit(0).await;
    writer.permits.add_permits(Semaphore::MAX_PERMITS >> 1);
    let mut answered = 0;
    while let Some(result) = callers.join_next().await {
        answered += u32::from(result.unwrap().1.is_ok());
    }

    assert!(matches!(refused, Err(sqlx::Error::PoolTimedOut)), "{refused:?}");
    assert_eq!(answered, 1 + waiting, "one is written, {MAX_WAITING} wait");
    assert!(writer.groups().iter().all(|group| group.len() <= GROUPS.batch));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fails_or_waits_for_a_lock_fails_alone_and_a_server_that_is_away_fails_its_group_at_once() {
    type IsExpected = fn(&sqlx::Error) -> bool;
    let cases: [(u32, IsExpected, bool); 3] = [
        (13, |error| matches!(error, sqlx::Error::RowNotFound), true),
        (10_055, is_contended, true),
        (77, |error| matches!(error, sqlx::Error::PoolClosed), false),
    ];
    for (failing, is_expected, is_alone) in cases {
        let writer = Writer::with_permits(0);
        let commit = writer.commit();
        let callers = submit_all(&commit, [1, 12, failing, 14]).await;

        writer.permits.add_permits(9);
        let mut failed = Vec::new();
        for (request, result) in callers.join_all().await {
            match result {
                Ok(result) => assert_eq!(result, request * 10),
                Err(error) => {
                    assert!(is_expected(&error), "{error:?}");
                    failed.push(request);
                }
            }
        }
        failed.sort_unstable();

        let (expected, alone) = if is_alone {
            (vec![failing], vec![vec![12], vec![failing], vec![14]])
        } else {
            (vec![12, 14, failing], vec![])
        };
        assert_eq!(failed, expected);
        assert_eq!(writer.groups(), [vec![vec![1], vec![12, failing, 14]], alone].concat());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_caller_has_gone_is_not_written() {
    let writer = Writer::with_permits(0);
    let commit = writer.commit();
    let stays = submit_all(&commit, [1]).await;
    let mut goes = submit_all(&commit, [2]).await;
    let stays_too = submit_all(&commit, [3]).await;

    goes.shutdown().await;
    writer.permits.add_permits(9);
    stays.join_all().await;
    stays_too.join_all().await;

    assert_eq!(writer.groups(), [vec![1], vec![3]]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_that_of_its_own_caller_and_its_neighbours_are_answered() {
    let writer = Writer::with_permits(0);
    let commit = writer.commit();
    let before = submit_all(&commit, [1]).await;
    let mut together = submit_all(&commit, [2, 99, 3]).await;

    writer.permits.add_permits(9);
    before.join_all().await;
    let (mut answered, mut panicked) = (Vec::new(), 0);
    while let Some(ended) = together.join_next().await {
        match ended {
            Ok((request, result)) => answered.push((request, result.unwrap())),
            Err(error) => panicked += u32::from(error.is_panic()),
        }
    }
    answered.sort_unstable();

    assert_eq!(answered, [(2, 20), (3, 30)]);
    assert_eq!(panicked, 1);
    assert!(commit.submit(2).await.is_ok());
}
