//! Redis is killed, or killed and emptied.

use std::time::Duration;

use drive::account::Account;
use tokio::time::{Instant, sleep};

use super::{IN_FLIGHT_TIME, disturbance::Disturbance, inject};
use crate::{
    experiment::{Experiment, Fault, Injected, Injection},
    wait::retried,
};

pub const FAULTS: [Fault; 2] = [
    Fault::new(5, "redis-kill", "Redis is killed", inject!(kill))
        .lasting(8, 4)
        .holds("Without Redis no request passes the session check; sessions work again afterwards."),
    Fault::new(5, "redis-empty", "Redis is killed and emptied: users log in again", inject!(empty))
        .times(3, 1)
        .holds("No session from before is accepted."),
];

/// A request with a session must succeed within this time once Redis is available again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

async fn kill(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let user = experiment.cluster.account().await?;
    Disturbance::RedisKilled.begin(&mut experiment.cluster).await?;
    let until = Instant::now() + experiment.lasting;
    let mut done = Injection::once();
    sleep(IN_FLIGHT_TIME).await;
    let mut turned_away = 0;
    while Instant::now() < until {
        match user.list().await {
            Err(failure) if failure.starts_with("503") => turned_away += 1,
            answer => done.problems.push(format!("without Redis a request was answered {answer:?}")),
        }
        sleep(POLL_INTERVAL).await;
    }
    Disturbance::RedisKilled.end(&mut experiment.cluster).await?;
    experiment.cause_removed();
    if turned_away == 0 {
        done.problems.push("the fault had no effect: no request was rejected with 503".to_owned());
    }
    done.notes.push(format!("{turned_away} requests were turned away with 503"));
    done.problems.extend(unless_answered(&user, Ok(())).await);
    Ok(Injected::Done(done))
}

async fn empty(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let times = experiment.times;
    let mut done = Injection { times, ends_sessions: true, ..Injection::default() };
    let mut user = experiment.cluster.account().await?;
    for _ in 0..times {
        Disturbance::RedisEmptied.begin(&mut experiment.cluster).await?;
        Disturbance::RedisEmptied.end(&mut experiment.cluster).await?;
        experiment.cause_removed();
        done.problems.extend(unless_answered(&user, Err("401")).await);
        let log_in = async || user.log_in().await.map_err(anyhow::Error::msg);
        user.session = retried(REQUEST_TIMEOUT, log_in).await?;
        done.problems.extend(unless_answered(&user, Ok(())).await);
        sleep(Duration::from_secs(1)).await;
    }
    Ok(Injected::Done(done))
}

/// Waits until the shop responds to a request with the user's session. Returns a problem if the outcome is not the
/// expected one.
async fn unless_answered(user: &Account, expected: Result<(), &str>) -> Option<String> {
    let until = Instant::now() + REQUEST_TIMEOUT;
    loop {
        let answer = user.list().await;
        let is_away =
            |failure: &str| failure.starts_with("503") || !failure.starts_with(|one: char| one.is_ascii_digit());
        match (&answer, expected) {
            (Ok(()), Ok(())) => return None,
            (Err(failure), Err(status)) if failure.starts_with(status) => return None,
            (Err(failure), _) if is_away(failure) && Instant::now() < until => sleep(POLL_INTERVAL).await,
            _ => return Some(format!("a session from before was answered {answer:?}, not {expected:?}")),
        }
    }
}
