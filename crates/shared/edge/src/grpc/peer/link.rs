//! A channel to one address of a peer: calls, health checks, lost connections, and what the end of a call says about
//! the peer's health to its circuit breaker.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base::circuit_breaker::CallOutcome;
use http::{Request, Response};
use tokio::time::{Instant, timeout, timeout_at};
use tonic::{
    Code, ConnectError, Status, TimeoutExpired,
    body::Body,
    transport::{Channel, Error},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tower::{Service as _, ServiceExt as _};

use crate::grpc::reason;

/// A channel to one address, which connects on first use.
pub struct Link {
    channel: Channel,
    losses: Losses,
}

/// Why a call has no response.
#[derive(Debug)]
pub enum Failure {
    /// No response arrived by the deadline. `others_serve` is true if only this replica is slow.
    TimedOut {
        others_serve: bool,
    },
    Lost(Lost),
}

/// A call whose connection could not be opened or has ended.
#[derive(Debug)]
pub struct Lost {
    pub message: String,
    /// The meaning for the peer's health.
    pub outcome: CallOutcome,
    /// True if the peer reports that it did not process the call.
    pub is_refused: bool,
    pub is_unconnected: bool,
}

impl Link {
    pub fn new(channel: Channel) -> Self {
        Self { channel, losses: Losses::default() }
    }

    /// Checks the health over the channel of the calls, so that the result applies to them, and the connection exists
    /// before the first call. Also returns whether the connection was lost or could not be opened.
    pub async fn check(&self, limit: Duration) -> (Verdict, bool) {
        let begun = Instant::now();
        let (verdict, is_lost) = health_of(self.channel.clone(), limit).await;
        if verdict != Verdict::Silent {
            self.losses.answered(begun);
        }
        (verdict, is_lost)
    }

    pub async fn send(&self, request: Request<Body>, deadline: Instant) -> Result<Response<Body>, Failure> {
        let mut channel = self.channel.clone();
        let begun = Instant::now();
        let response = timeout_at(deadline, async { channel.ready().await?.call(request).await });
        match response.await {
            Ok(Ok(response)) => {
                self.losses.answered(begun);
                Ok(response)
            }
            // The channel also reads `grpc-timeout` and may notice the deadline first.
            Ok(Err(error)) if causes(&error).any(<dyn std::error::Error>::is::<TimeoutExpired>) => {
                Err(Failure::TimedOut { others_serve: false })
            }
            Ok(Err(error)) => {
                let is_unconnected = causes(&error).any(<dyn std::error::Error>::is::<ConnectError>);
                Err(Failure::Lost(Lost {
                    outcome: if is_unconnected { CallOutcome::Failed } else { self.losses.outcome(begun) },
                    is_refused: causes(&error).filter_map(|cause| cause.downcast_ref()).any(is_refused),
                    is_unconnected,
                    message: chain(&error),
                }))
            }
            Err(_) => Err(Failure::TimedOut { others_serve: false }),
        }
    }
}

/// Returns true if the server reports that it has not processed the stream: it refused the stream, or it is closing the
/// connection and the stream comes after the last one that it processes (RFC 9113, 6.8 and 8.7).
fn is_refused(error: &h2::Error) -> bool {
    error.is_remote() && (error.reason() == Some(h2::Reason::REFUSED_STREAM) || error.is_go_away())
}

fn chain(error: &Error) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source())
}

/// The outcome of the latest health check of a replica, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Serving,
    /// The replica was not checked yet, or has lost a connection since.
    NotAsked,
    NotServing,
    Silent,
}

/// Checks the health within `limit`. Also returns whether the connection was lost or could not be opened.
async fn health_of(channel: Channel, limit: Duration) -> (Verdict, bool) {
    let mut health = HealthClient::new(channel);
    match timeout(limit, health.check(HealthCheckRequest { service: String::new() })).await {
        Ok(Ok(response)) if response.get_ref().status() == ServingStatus::Serving => (Verdict::Serving, false),
        Ok(Ok(_)) => (Verdict::NotServing, false),
        Ok(Err(status)) => match status.code() {
            // A server outside this system may lack a health service, or deny it to this client.
            Code::Unimplemented | Code::NotFound | Code::PermissionDenied | Code::Unauthenticated => {
                (Verdict::Serving, false)
            }
            _ => (Verdict::Silent, true),
        },
        Err(_) => (Verdict::Silent, false),
    }
}

/// The lost connections to one address. When a working connection ends, all its calls fail, but count as one failed
/// call, since the next connection may work. If the peer never responded on the connection, each call counts as a
/// failure of the peer.
#[derive(Default)]
struct Losses(Mutex<Loss>);

#[derive(Default)]
struct Loss {
    /// The time of the last loss, and whether the peer had responded on that connection.
    last: Option<(Instant, bool)>,
    /// True if the peer has responded since the last loss.
    answered: bool,
}

impl Losses {
    fn lock(&self) -> MutexGuard<'_, Loss> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the peer responded to a call that began at `begun`.
    fn answered(&self, begun: Instant) {
        let mut loss = self.lock();
        loss.answered |= loss.last.is_none_or(|(at, _)| begun > at);
    }

    fn outcome(&self, begun: Instant) -> CallOutcome {
        let mut loss = self.lock();
        match loss.last {
            Some((at, had_answered)) if begun <= at => {
                if had_answered {
                    CallOutcome::Inconclusive
                } else {
                    CallOutcome::Failed
                }
            }
            _ => {
                loss.last = Some((Instant::now(), std::mem::take(&mut loss.answered)));
                CallOutcome::Failed
            }
        }
    }
}

/// A missed deadline counts as the peer's failure only if it had at least this long to respond.
const MIN_RESPONSE_TIME: Duration = Duration::from_secs(1);

/// Returns what a response means for the circuit breaker. UNAVAILABLE with a reason is a response: the peer works, and
/// other calls may succeed.
pub fn outcome_of(status: &Status, left: Duration) -> CallOutcome {
    match (status.code(), reason(status)) {
        (Code::Unavailable, Some(_)) => CallOutcome::Answered,
        (code, _) => outcome(code, left),
    }
}

/// Returns what a status code means for the circuit breaker. The peer had the time `left` to respond.
pub fn outcome(code: Code, left: Duration) -> CallOutcome {
    match code {
        Code::Unavailable => CallOutcome::Failed,
        // A tonic server responds CANCELLED if it notices the passed deadline before the client does.
        Code::DeadlineExceeded | Code::Cancelled if left >= MIN_RESPONSE_TIME => CallOutcome::Failed,
        Code::DeadlineExceeded | Code::Cancelled => CallOutcome::Inconclusive,
        _ => CallOutcome::Answered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::with_reason;

    #[tokio::test(start_paused = true)]
    async fn the_calls_on_a_connection_that_worked_are_one_loss_and_those_on_one_that_never_did_are_many() {
        let losses = Losses::default();
        let begin = async || {
            tokio::time::advance(Duration::from_millis(1)).await;
            Instant::now()
        };
        let (answered, first, second) = (begin().await, begin().await, begin().await);
        losses.answered(answered);
        begin().await;

        assert_eq!((losses.outcome(second), losses.outcome(first)), (CallOutcome::Failed, CallOutcome::Inconclusive));
        // On the next connection the peer never responds.
        let (third, fourth) = (begin().await, begin().await);
        losses.answered(first);
        begin().await;
        assert_eq!((losses.outcome(third), losses.outcome(fourth)), (CallOutcome::Failed, CallOutcome::Failed));
    }

    #[test]
    fn a_deadline_tells_about_the_peer_only_where_it_had_a_second() {
        let second = Duration::from_secs(1);
        let cases = [
            (Code::DeadlineExceeded, second, CallOutcome::Failed),
            (Code::DeadlineExceeded, Duration::from_millis(999), CallOutcome::Inconclusive),
            (Code::Unavailable, Duration::from_millis(1), CallOutcome::Failed),
            (Code::Ok, second, CallOutcome::Answered),
            (Code::Unauthenticated, second, CallOutcome::Answered),
            (Code::ResourceExhausted, second, CallOutcome::Answered),
            (Code::Internal, second, CallOutcome::Answered),
        ];

        for (code, left, expected) in cases {
            assert_eq!(outcome(code, left), expected, "{code:?} after {left:?}");
        }
    }

    #[test]
    fn unavailable_with_a_reason_of_its_own_is_a_response() {
        let (second, text) = (Duration::from_secs(1), "not now");
        let answered = with_reason(Code::Unavailable, "OUTCOME_UNKNOWN", text);

        assert_eq!(outcome_of(&answered, second), CallOutcome::Answered);
        assert_eq!(outcome_of(&Status::unavailable(text), second), CallOutcome::Failed);
    }
}
