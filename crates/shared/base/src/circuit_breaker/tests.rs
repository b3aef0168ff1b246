//! Tests of each rule of the circuit breaker, in simulated time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use tokio::time::{advance, sleep};

use super::{
    CallOutcome::{Answered, Failed, Inconclusive},
    *,
};

impl CircuitBreaker {
    /// Makes up to `count` calls with this outcome. Returns how many the breaker permitted.
    fn calls(self: &Arc<Self>, count: usize, outcome: CallOutcome) -> usize {
        let permits = (0..count).filter_map(|_| self.acquire(1).ok());
        permits.map(|permit| permit.end(outcome)).count()
    }

    fn level(&self) -> Level {
        self.lock().level()
    }
}

/// A breaker whose peer serves from when a test says so.
struct Fixture {
    breaker: Arc<CircuitBreaker>,
    serves: Arc<AtomicBool>,
    looks: Arc<AtomicUsize>,
}

fn closed() -> Fixture {
    let (serves, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (is_serving, count) = (serves.clone(), looks.clone());
    let breaker = CircuitBreaker::new("peer", move || {
        count.fetch_add(1, Relaxed);
        std::future::ready(is_serving.load(Relaxed))
    });
    Fixture { breaker, serves, looks }
}

fn opened() -> Fixture {
    let fixture = closed();
    assert_eq!(fixture.breaker.calls(MIN_CALLS, Failed), MIN_CALLS);
    assert_eq!(fixture.breaker.level(), Level::Open);
    fixture
}

#[tokio::test(start_paused = true)]
async fn ten_failures_of_the_last_twenty_calls_of_ten_seconds_open_it_and_fewer_do_not() {
    let (at_once, later) = (Duration::ZERO, WINDOW + Duration::from_millis(1));
    for (case, first, wait, then, level) in [
        ("nine calls", (9, Failed), at_once, (0, Failed), Level::Closed),
        ("ten calls", (9, Failed), at_once, (1, Failed), Level::Open),
        ("nine of twenty", (100, Answered), at_once, (9, Failed), Level::Closed),
        ("ten of twenty", (100, Answered), at_once, (10, Failed), Level::Open),
        ("calls of before", (9, Failed), later, (9, Failed), Level::Closed),
        ("unknown outcomes", (9, Failed), at_once, (100, Inconclusive), Level::Closed),
    ] {
        let Fixture { breaker, .. } = closed();

        breaker.calls(first.0, first.1);
        advance(wait).await;
        breaker.calls(then.0, then.1);

        assert_eq!(breaker.level(), level, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_of_a_call_counts() {
    let Fixture { breaker, .. } = closed();

    breaker.acquire(9).unwrap().end(Failed);
    assert_eq!(breaker.level(), Level::Closed);
    breaker.acquire(3).unwrap().end(Failed);

    assert_eq!(breaker.level(), Level::Open);
}

#[tokio::test(start_paused = true)]
async fn an_open_one_looks_after_a_backoff_that_doubles_to_400_ms_and_lets_no_call_through_meanwhile() {
    let Fixture { breaker, looks, .. } = opened();

    for (milliseconds, minimum, maximum) in [(74, 0, 0), (26, 1, 1), (200, 2, 2), (400, 3, 3), (4_000, 13, 16)] {
        sleep(Duration::from_millis(milliseconds)).await;
        let looks = looks.load(Relaxed);
        assert!((minimum..=maximum).contains(&looks), "{looks} looks {milliseconds} ms later");
        assert_eq!(breaker.calls(100, Answered), 0);
        assert_eq!(breaker.acquire(1).err(), Some(Refused("peer")));
    }
}

#[tokio::test(start_paused = true)]
async fn within_400_ms_after_the_peer_serves_one_call_is_let_through_which_closes_it() {
    let Fixture { breaker, serves, .. } = opened();
    sleep(Duration::from_secs(10)).await;

    serves.store(true, Relaxed);
    sleep(MAX_BACKOFF).await;

    assert_eq!(breaker.level(), Level::HalfOpen);
    let probe = breaker.acquire(1).unwrap();
    assert_eq!(breaker.calls(100, Answered), 0);
    probe.end(Answered);
    assert_eq!(breaker.level(), Level::Closed);
    // The calls before the breaker opened no longer count.
    assert_eq!(breaker.calls(9, Failed), 9);
    assert_eq!(breaker.level(), Level::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_that_it_serves_and_fails_each_call_gets_one_at_each_look() {
    let Fixture { breaker, serves, looks } = opened();
    serves.store(true, Relaxed);
    sleep(Duration::from_secs(1)).await;
    let begun = looks.load(Relaxed);

    let mut failed = 0;
    for _ in 0..1_000 {
        failed += breaker.calls(1, Failed);
        sleep(Duration::from_millis(10)).await;
    }

    let looks = looks.load(Relaxed) - begun;
    assert!((20..=36).contains(&failed) && failed.abs_diff(looks) <= 1, "{failed} calls, {looks} looks in 10 s");
}

#[tokio::test(start_paused = true)]
async fn after_a_probe_of_unknown_outcome_the_next_call_decides() {
    let Fixture { breaker, serves, .. } = opened();
    serves.store(true, Relaxed);
    sleep(MAX_BACKOFF).await;

    drop(breaker.acquire(1).unwrap());
    assert_eq!(breaker.level(), Level::HalfOpen);

    assert_eq!(breaker.calls(1, Answered), 1);
    assert_eq!(breaker.level(), Level::Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_from_before_it_opened_neither_close_nor_prolong_it() {
    let Fixture { breaker, serves, .. } = closed();
    let (late, later) = (breaker.acquire(1).unwrap(), breaker.acquire(1).unwrap());
    breaker.calls(MIN_CALLS, Failed);

    late.end(Answered);
    assert_eq!(breaker.level(), Level::Open);
    serves.store(true, Relaxed);
    sleep(MAX_BACKOFF).await;
    let probe = breaker.acquire(1).unwrap();
    later.end(Failed);
    assert_eq!(breaker.level(), Level::HalfOpen);
    probe.end(Answered);

    assert_eq!(breaker.level(), Level::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_is_dropped_looks_no_more() {
    let Fixture { breaker, looks, .. } = opened();
    sleep(Duration::from_secs(1)).await;

    drop(breaker);
    let before = looks.load(Relaxed);
    sleep(Duration::from_secs(10)).await;

    assert_eq!(looks.load(Relaxed), before);
}

#[tokio::test(start_paused = true)]
async fn its_state_is_a_metric_which_has_the_worst_of_several_towards_one_peer() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let state =
        |expected: u32| metrics.render().contains(&format!("circuit_breaker_state{{peer=\"shared\"}} {expected}"));

    let (one, other) = metrics::with_local_recorder(&recorder, || {
        let never = || std::future::ready(false);
        let both = (CircuitBreaker::new("shared", never), CircuitBreaker::new("shared", never));
        assert!(state(0), "{}", metrics.render());
        both.0.calls(MIN_CALLS, Failed);
        both
    });
    assert!(state(2), "{}", metrics.render());
    metrics::with_local_recorder(&recorder, || {
        one.admit();
        assert!(state(1), "{}", metrics.render());
        let probe = one.acquire(1).unwrap();
        assert!(state(1), "{}", metrics.render());
        probe.end(Answered);
        assert!(state(0), "{}", metrics.render());
        other.calls(MIN_CALLS, Failed);
        assert!(state(2), "{}", metrics.render());
        drop(other);
        assert!(state(0), "{}", metrics.render());
    });
}
