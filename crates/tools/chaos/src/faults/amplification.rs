//! How often services ask each other while the network between them is hurt.

use std::{fmt, time::Duration};

use crate::{cluster::sum, experiment::Experiment};
use platform::service::Service;

/// How often a service may be asked for one request: a tenth of all calls may be repeated.
const CALLS_PER_REQUEST: f64 = 1.1;
/// What each process may repeat besides within ten seconds, to one peer: the reserve of [`Budget`](platform::retry::Budget).
const RESERVE: f64 = 10.0;
/// The calls that a request causes, each at most one. Others are an event's.
const CAUSED: [&str; 5] = ["/Whoami", "/ListParts", "/ReserveParts", "/GetPayment", "/PayOrder"];

/// What the services count themselves.
pub struct CallCounters {
    /// Requests of customers that were answered.
    requests: u64,
    /// [`CAUSED`] calls that the callee has answered, whoever made them.
    handled: f64,
    /// Calls that the caller has repeated, to whomever.
    retries: f64,
    /// And would have repeated, had its budget allowed.
    exhausted: f64,
}

/// How often was asked on a link, from a second before it was harmed to three seconds after, when those in hand have had
/// their answers. No retry storm is two things:
///
/// - The caller repeats at most a tenth of the requests that it had, and the reserve of its budgets: it counts that itself,
///   whether or not the callee hears anything. Order's calls to payment are not repeated by a budget but by customers and
///   the reconciler, and so are seen by the other measure alone.
/// - Where the callee hears (slow, half open), it has answered at most 1.1 calls for each request of customers and visitors
///   to the whole shop, and the reserve. A request asks each service at most once, so that is the most there is without
///   repetitions whatever is asked; what was asked before the fault is no measure, since who waits for one answer asks
///   nothing else meanwhile.
pub struct Amplification {
    /// Of customers and visitors, to any service.
    requests: f64,
    /// Of them, those that the caller had.
    callers: f64,
    handled: f64,
    retries: f64,
    exhausted: f64,
    reserve: f64,
}

impl CallCounters {
    pub async fn of(experiment: &Experiment, from: &'static Service, to: &'static Service) -> anyhow::Result<Self> {
        let replicas = &experiment.cluster.replicas;
        Ok(Self {
            requests: experiment.load.counters().requests,
            handled: caused(&replicas.metrics(to).await?),
            retries: replicas.metric(from, "retries_total").await?,
            exhausted: replicas.metric(from, "retry_budget_exhausted_total").await?,
        })
    }
}

impl Amplification {
    /// What came between two counts, with so many visits to `from`, which has so many processes.
    pub fn of(
        before: &CallCounters,
        after: &CallCounters,
        from: &'static Service,
        visits: u64,
        processes: usize,
        within: Duration,
    ) -> Self {
        let (customers, visits) = (number(after.requests - before.requests), number(visits));
        Self {
            requests: customers + visits,
            callers: if from == &order::SERVICE { customers } else { visits },
            handled: after.handled - before.handled,
            retries: after.retries - before.retries,
            exhausted: after.exhausted - before.exhausted,
            // The ten seconds of a budget do not begin with the fault.
            reserve: RESERVE * ((within.as_secs_f64() / 10.0).ceil() + 1.0) * number(processes),
        }
    }

    pub fn exceeds_retry_budget(&self) -> bool {
        self.retries > (CALLS_PER_REQUEST - 1.0) * self.callers + self.reserve
    }

    pub fn overloads_callee(&self) -> bool {
        self.handled > CALLS_PER_REQUEST * self.requests + self.reserve
    }
}

impl fmt::Display for Amplification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, callers, handled, retries, exhausted, reserve } = self;
        write!(
            f,
            "{handled} calls answered for {requests} requests, {retries} retries for {callers} of them \
             (reserve {reserve}), the budget refused {exhausted}"
        )
    }
}

/// The [`CAUSED`] calls that metrics count.
fn caused(metrics: &str) -> f64 {
    sum(metrics, |line| {
        line.starts_with("grpc_server_handled_total{") && CAUSED.iter().any(|call| line.contains(&format!("{call}\"")))
    })
}

/// A number to reckon with. What a run counts is far from where a float has gaps.
fn number(count: impl TryInto<u32>) -> f64 {
    f64::from(count.try_into().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_requests_cause_are_counted_and_others_are_not() {
        let metrics = "# TYPE grpc_server_handled_total counter
grpc_server_handled_total{rpc=\"/auth.v1.AuthService/Whoami\",code=\"0\"} 3
grpc_server_handled_total{rpc=\"/auth.v1.AuthService/Whoami\",code=\"14\"} 2
grpc_server_handled_total{rpc=\"/user.v1.UserService/GetUser\",code=\"0\"} 7
http_requests_total{route=\"/Whoami\"} 9";

        assert_eq!(caused(metrics).to_string(), "5");
    }
}
