//! Tests of each rule of the circuit breaker, in simulated time.

use tokio::time::{advance, sleep};

use super::{
    Outcome::{Answered, Failed, Inconclusive},
    *,
};

impl CircuitBreaker {
    /// Makes up to `count` calls with this outcome. Returns how many the breaker permitted.
    fn calls(self: &Arc<Self>, count: usize, outcome: Outcome) -> usize {
        let permits = (0..count).filter_map(|_| self.acquire().ok());
        permits.map(|permit| permit.end(outcome)).count()
    }

    fn level(&self) -> Level {
        self.lock().level()
    }
}

fn opened() -> Arc<CircuitBreaker> {
    let breaker = CircuitBreaker::new("peer");
    assert_eq!(breaker.calls(MIN_CALLS, Failed), MIN_CALLS);
    assert_eq!(breaker.level(), Level::Open);
    breaker
}

#[tokio::test(start_paused = true)]
async fn fewer_than_ten_calls_never_open_it() {
    let breaker = CircuitBreaker::new("peer");

    breaker.calls(9, Failed);
    assert_eq!(breaker.level(), Level::Closed);
    breaker.calls(1, Failed);

    assert_eq!(breaker.level(), Level::Open);
}

#[tokio::test(start_paused = true)]
async fn half_of_the_last_twenty_calls_open_it_and_one_less_does_not() {
    let breaker = CircuitBreaker::new("peer");

    breaker.calls(100, Answered);
    breaker.calls(9, Failed);
    assert_eq!(breaker.level(), Level::Closed);
    breaker.calls(1, Failed);

    assert_eq!(breaker.level(), Level::Open);
}

#[tokio::test(start_paused = true)]
async fn calls_of_more_than_ten_seconds_ago_do_not_count() {
    let breaker = CircuitBreaker::new("peer");

    breaker.calls(9, Failed);
    advance(WINDOW + Duration::from_millis(1)).await;
    breaker.calls(9, Failed);

    assert_eq!(breaker.level(), Level::Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_of_unknown_outcome_do_not_count() {
    let breaker = CircuitBreaker::new("peer");

    breaker.calls(9, Failed);
    breaker.calls(100, Inconclusive);
    breaker.calls(100, Answered);
    breaker.calls(9, Failed);

    assert_eq!(breaker.level(), Level::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_open_one_lets_no_call_through_for_five_seconds_and_then_one() {
    let breaker = opened();

    advance(OPEN_FOR.saturating_sub(Duration::from_millis(1))).await;
    assert_eq!(breaker.calls(100, Answered), 0);
    advance(Duration::from_millis(1)).await;
    let probe = breaker.acquire().unwrap();
    assert_eq!(breaker.level(), Level::HalfOpen);

    assert_eq!(breaker.calls(100, Answered), 0);
    assert_eq!(breaker.acquire().err(), Some(Refused("peer")));
    drop(probe);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_answered_closes_it_and_what_was_before_is_forgotten() {
    let breaker = opened();
    advance(OPEN_FOR).await;

    assert_eq!(breaker.calls(1, Answered), 1);
    assert_eq!(breaker.level(), Level::Closed);

    assert_eq!(breaker.calls(9, Failed), 9);
    assert_eq!(breaker.level(), Level::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_opens_it_for_five_seconds_since_it_began() {
    let breaker = opened();
    advance(OPEN_FOR).await;

    let probe = breaker.acquire().unwrap();
    sleep(Duration::from_secs(2)).await;
    probe.end(Failed);
    sleep(Duration::from_millis(2999)).await;
    assert_eq!(breaker.level(), Level::Open);
    assert_eq!(breaker.calls(1, Answered), 0);
    sleep(Duration::from_millis(1)).await;

    assert_eq!(breaker.calls(1, Answered), 1);
    assert_eq!(breaker.level(), Level::Closed);
}

#[tokio::test(start_paused = true)]
async fn after_a_probe_of_unknown_outcome_the_next_call_decides() {
    let breaker = opened();
    advance(OPEN_FOR).await;

    drop(breaker.acquire().unwrap());
    assert_eq!(breaker.level(), Level::HalfOpen);

    assert_eq!(breaker.calls(1, Answered), 1);
    assert_eq!(breaker.level(), Level::Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_from_before_it_opened_neither_close_nor_prolong_it() {
    let breaker = CircuitBreaker::new("peer");
    let (late, later) = (breaker.acquire().unwrap(), breaker.acquire().unwrap());
    breaker.calls(MIN_CALLS, Failed);

    late.end(Answered);
    assert_eq!(breaker.level(), Level::Open);
    advance(OPEN_FOR).await;
    let probe = breaker.acquire().unwrap();
    later.end(Failed);
    assert_eq!(breaker.level(), Level::HalfOpen);
    probe.end(Answered);

    assert_eq!(breaker.level(), Level::Closed);
}

#[tokio::test(start_paused = true)]
async fn its_state_is_a_metric_which_has_the_worst_of_several_towards_one_peer() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let state =
        |expected: u32| metrics.render().contains(&format!("circuit_breaker_state{{peer=\"shared\"}} {expected}"));

    let (one, other) = metrics::with_local_recorder(&recorder, || {
        let both = (CircuitBreaker::new("shared"), CircuitBreaker::new("shared"));
        assert!(state(0), "{}", metrics.render());
        both.0.calls(MIN_CALLS, Failed);
        both
    });
    assert!(state(2), "{}", metrics.render());
    advance(OPEN_FOR).await;
    metrics::with_local_recorder(&recorder, || {
        export();
        assert!(state(1), "its time is over, also without a call: {}", metrics.render());
        let probe = one.acquire().unwrap();
        assert!(state(1), "{}", metrics.render());
        probe.end(Answered);
        assert!(state(0), "{}", metrics.render());
        other.calls(MIN_CALLS, Failed);
        assert!(state(2), "{}", metrics.render());
        drop(other);
        assert!(state(0), "{}", metrics.render());
    });
}
