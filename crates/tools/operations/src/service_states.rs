//! The states of the services, as their admin ports tell them.

use std::time::Duration;

use anyhow::Context as _;
use futures::future::join_all;
use platform::service::Service;
use serde::{Deserialize, Serialize};

use crate::registry::SERVICES;

/// The time limit for one answer of an admin port.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The state of one service, or of the replica that answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceState {
    pub service: &'static str,
    /// One sentence about the service.
    pub about: &'static str,
    /// The version of this program. An admin port does not tell the version of its process.
    pub version: &'static str,
    pub is_ready: bool,
    /// The conditions that are not met, such as `database`.
    pub waiting_for: Vec<String>,
    /// Why the admin port was not read.
    pub error: Option<String>,
    pub breakers: Vec<Breaker>,
}

/// The circuit breakers of a service for one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breaker {
    pub peer: String,
    /// `closed`, `half open` or `open`: the worst of them.
    pub state: &'static str,
}

#[derive(Deserialize)]
struct Health {
    #[serde(default)]
    waiting_for: Vec<String>,
}

/// Returns the state of each service. `admin` returns the URL of a service's admin port, such as
/// `http://127.0.0.1:9466`. A service that does not answer has an error, and is no error of this function.
pub async fn service_states(http: &reqwest::Client, admin: impl Fn(&'static Service) -> String) -> Vec<ServiceState> {
    join_all(SERVICES.map(|service| state(http, service, admin(service)))).await
}

async fn state(http: &reqwest::Client, service: &'static Service, admin: String) -> ServiceState {
    let Service { name, about, version, .. } = service;
    let mut state = ServiceState {
        service: name,
        about,
        version,
        is_ready: false,
        waiting_for: Vec::new(),
        error: None,
        breakers: Vec::new(),
    };
    match read(http, &admin).await {
        Ok((is_ready, waiting_for, breakers)) => ServiceState { is_ready, waiting_for, breakers, ..state },
        Err(error) => {
            state.error = Some(format!("{admin}: {error:#}"));
            state
        }
    }
}

async fn read(http: &reqwest::Client, admin: &str) -> anyhow::Result<(bool, Vec<String>, Vec<Breaker>)> {
    let get = async |path: &str| http.get(format!("{admin}{path}")).timeout(TIMEOUT).send().await;
    let (ready, metrics) = tokio::join!(get("/health/ready"), get("/metrics"));
    let ready = ready.context("is not reached")?;
    let is_ready = ready.status().is_success();
    let health: Health = ready.json().await.context("answers with another health check")?;
    let metrics = metrics.context("is not reached")?.text().await.context("metrics")?;
    Ok((is_ready, health.waiting_for, breakers(&metrics)))
}

/// Returns the circuit breakers in a text of metrics.
fn breakers(metrics: &str) -> Vec<Breaker> {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix("circuit_breaker_state{"));
    let breaker = |line: &str| {
        let (labels, value) = line.rsplit_once("} ")?;
        let peer = labels.split("peer=\"").nth(1)?.split('"').next()?;
        let state = match value.trim() {
            "0" => "closed",
            "1" => "half open",
            _ => "open",
        };
        Some(Breaker { peer: peer.to_owned(), state })
    };
    lines.filter_map(breaker).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breakers_are_read_from_metrics() {
        let metrics = "# TYPE circuit_breaker_state gauge\ncircuit_breaker_state{peer=\"iam\"} 0\n\
            circuit_breaker_state{peer=\"payment\"} 2\nother{peer=\"iam\"} 1\n";

        let breaker = |peer: &str, state| Breaker { peer: peer.to_owned(), state };
        assert_eq!(breakers(metrics), [breaker("iam", "closed"), breaker("payment", "open")]);
    }

    #[tokio::test]
    async fn a_service_that_does_not_answer_is_not_ready_and_says_why() {
        let http = platform::http::client(TIMEOUT).unwrap();

        let states = service_states(&http, |_| "http://127.0.0.1:1".to_owned()).await;

        assert_eq!(states.len(), SERVICES.len());
        for state in states {
            assert!(!state.is_ready && state.error.unwrap().starts_with("http://127.0.0.1:1: is not reached"));
        }
    }
}
