//! Redis is killed, or killed and emptied.

use std::time::Duration;

use reqwest::Method;
use tokio::time::{Instant, sleep};

use super::inject;
use crate::{
    experiment::{Experiment, Fault, Injected, Injection},
    wait::retried,
};
use client::{customer::Customer, shop::Shop};

pub const FAULTS: [Fault; 2] = [
    Fault::new(5, "redis-kill", "Redis is killed", inject!(kill))
        .lasting(8, 4)
        .holds("Without Redis no request passes the session check; sessions work again afterwards."),
    Fault::new(5, "redis-empty", "Redis is killed and emptied: users log in again", inject!(empty))
        .times(3, 1)
        .holds("No session from before is accepted."),
];

/// After this time, no answer computed with Redis is in flight.
const IN_FLIGHT_TIME: Duration = Duration::from_secs(1);
/// How long a request with a session may take once Redis is available again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

async fn kill(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let user = User::new(experiment.cluster.shop()?).await?;
    let session = user.log_in().await?;
    experiment.cluster.servers.kill_redis().await?;
    let until = Instant::now() + experiment.lasting;
    let mut done = Injection::once();
    sleep(IN_FLIGHT_TIME).await;
    let mut turned_away = 0;
    while Instant::now() < until {
        match user.ask(&session).await {
            Ok(503) => turned_away += 1,
            Ok(status) => done.problems.push(format!("without Redis a request was answered {status}")),
            Err(error) => done.problems.push(format!("without Redis a request was not answered: {error:#}")),
        }
        sleep(Duration::from_millis(200)).await;
    }
    experiment.cluster.servers.start_redis().await?;
    experiment.cause_removed();
    if turned_away == 0 {
        done.problems.push("the fault had no effect: no request was rejected with 503".to_owned());
    }
    done.notes.push(format!("{turned_away} requests were turned away with 503"));
    done.problems.extend(user.check_session(&session, 200).await);
    Ok(Injected::Done(done))
}

async fn empty(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let times = experiment.times;
    let mut done = Injection { times, ends_sessions: true, ..Injection::default() };
    let user = User::new(experiment.cluster.shop()?).await?;
    for _ in 0..times {
        let session = user.log_in().await?;
        experiment.cluster.servers.kill_redis().await?;
        experiment.cluster.servers.empty_redis().await?;
        experiment.cluster.servers.start_redis().await?;
        experiment.cause_removed();
        done.problems.extend(user.check_session(&session, 401).await);
        let session = user.log_in().await?;
        done.problems.extend(user.check_session(&session, 200).await);
        sleep(Duration::from_secs(1)).await;
    }
    Ok(Injected::Done(done))
}

struct User {
    shop: Shop,
    customer: Customer,
}

impl User {
    async fn new(shop: Shop) -> anyhow::Result<Self> {
        let customer = Customer::fresh("chaos");
        customer.register(&shop).await?;
        Ok(Self { shop, customer })
    }

    /// Logs in, retrying until the shop is available.
    async fn log_in(&self) -> anyhow::Result<String> {
        Ok(retried(REQUEST_TIMEOUT, async || self.customer.log_in(&self.shop).await).await?.0)
    }

    async fn ask(&self, session: &str) -> anyhow::Result<u16> {
        let answer = self.shop.ask(Method::GET, "/api/v1/orders", Some(session), None).await?;
        Ok(answer.status.as_u16())
    }

    /// Waits until the shop answers a request with the session. Returns a problem if the status is not `expected`.
    async fn check_session(&self, session: &str, expected: u16) -> Option<String> {
        let until = Instant::now() + REQUEST_TIMEOUT;
        loop {
            match self.ask(session).await {
                Ok(status) if status == expected => return None,
                Ok(503) | Err(_) if Instant::now() < until => sleep(Duration::from_millis(200)).await,
                Ok(status) => return Some(format!("a session from before was answered {status}, not {expected}")),
                Err(error) => return Some(format!("a session from before was not answered: {error:#}")),
            }
        }
    }
}
