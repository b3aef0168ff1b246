//! Retry amplification: how many calls services make per request while the network between them is faulty.

use std::fmt;

use tokio::time::Instant;

use crate::{cluster::sum, experiment::Experiment};
use platform::server::service::Service;

/// Calls allowed per request: retries may add one per ten requests.
const MAX_CALLS_PER_REQUEST: f64 = 1.1;
/// Retries allowed beyond one per ten requests, per process, peer and ten seconds: the reserve of
/// [`Budget`](platform::retry::Budget).
const RESERVE: f64 = 10.0;
/// The calls that requests cause. A request causes each at most once, and several requests may share a call. Events
/// cause all other calls.
const CAUSED: [&str; 7] =
    ["/Whoami", "/ListOwners", "/ListParts", "/ReserveParts", "/ReservePartsForAll", "/GetPayment", "/PayOrder"];

/// The values of the counters at one moment.
pub struct CallCounters {
    at: Instant,
    /// Customers' requests that were answered.
    requests: u64,
    /// Calls of [`CAUSED`] methods that the callee has answered, from any caller.
    handled: f64,
    /// The caller's retries, to any callee.
    retries: f64,
}

impl CallCounters {
    pub async fn read(experiment: &Experiment, from: &'static Service, to: &'static Service) -> anyhow::Result<Self> {
        let replicas = &experiment.cluster.replicas;
        Ok(Self {
            at: Instant::now(),
            requests: experiment.load.counters().requests,
            handled: caused(&replicas.metrics(to).await?),
            retries: replicas.metric(from, "retries_total").await?,
        })
    }
}

/// The calls on a link from one second before the fault until three seconds after it, when requests in flight have been
/// answered. There is no retry storm if both conditions hold:
///
/// - The caller's retries are at most a tenth of the requests that it received, plus the reserve of its budgets. The
///   caller counts its retries itself, whether or not they reach the callee. Customers and the reconciler retry order's
///   calls to payment, not a budget, so only the second condition covers them.
/// - If calls reach the callee (slow, half open), it has answered at most 1.1 calls per request to the whole shop, plus
///   the reserve. A request calls each service at most once, so the rest are retries. The rate before the fault is no
///   usable limit, since a client sends no other request while it waits for a response.
pub struct Amplification {
    /// Requests of customers and of background traffic, to any service.
    requests: f64,
    /// The part of `requests` that the caller received.
    callers: f64,
    handled: f64,
    retries: f64,
    reserve: f64,
}

impl Amplification {
    /// Returns the calls between two readings, between which `visits` background requests were sent to `from`, a
    /// service with `processes` processes.
    pub fn between(
        before: &CallCounters,
        after: &CallCounters,
        from: &'static Service,
        visits: u64,
        processes: usize,
    ) -> Self {
        let (customers, visits) = (number(after.requests - before.requests), number(visits));
        let windows = ((after.at - before.at).as_secs_f64() / 10.0).ceil();
        Self {
            requests: customers + visits,
            callers: if from == &order::SERVICE { customers } else { visits },
            handled: after.handled - before.handled,
            retries: after.retries - before.retries,
            // A fault may touch one more ten-second window, since the budgets' windows do not begin with it.
            reserve: RESERVE * (windows + 1.0) * number(processes),
        }
    }

    pub fn exceeds_retry_budget(&self) -> bool {
        self.retries > (MAX_CALLS_PER_REQUEST - 1.0) * self.callers + self.reserve
    }

    pub fn overloads_callee(&self) -> bool {
        self.handled > MAX_CALLS_PER_REQUEST * self.requests + self.reserve
    }
}

impl fmt::Display for Amplification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, callers, handled, retries, reserve } = self;
        write!(
            f,
            "{handled} calls answered for {requests} requests, {retries} retries for {callers} of them (reserve {reserve})"
        )
    }
}

fn caused(metrics: &str) -> f64 {
    sum(metrics, |line| {
        line.starts_with("grpc_server_handled_total{") && CAUSED.iter().any(|call| line.contains(&format!("{call}\"")))
    })
}

/// Converts a count to a float. Counts of a run are too small to lose precision.
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
