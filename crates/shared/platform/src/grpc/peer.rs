//! Client channel to another service: adds identity, deadline and trace context to each call, and refuses calls while its circuit
//! breaker is open.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderName, HeaderValue, Request, Response, header};
use tokio::time::{Instant, timeout_at};
use tonic::{
    Code, ConnectError, Status, TimeoutExpired,
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::Service;

use super::answer::Answer;
use crate::{
    auth::ServiceKey,
    circuit_breaker::{CircuitBreaker, Outcome},
    config::ConfigError,
    deadline, telemetry,
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long a call may take where its caller sets no sooner deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The least time that a peer must have had for a deadline to count against it.
const FAIR: Duration = Duration::from_secs(1);

/// Another service, as a generated client's transport.
#[derive(Clone)]
pub struct Peer {
    channel: Channel,
    name: &'static str,
    key: Option<ServiceKey>,
    /// Not a service of this system: it gets neither identity nor session.
    is_outside: bool,
    breaker: Arc<CircuitBreaker>,
    losses: Arc<Losses>,
}

/// Connections to the peer that were lost. All calls on a connection that worked are lost with it, and say together no more about the
/// peer than one: the next connection may be fine. A connection on which the peer never answered says that the peer does not.
#[derive(Default)]
struct Losses(Mutex<Loss>);

#[derive(Default)]
struct Loss {
    /// The last loss, and whether the peer had answered on that connection.
    last: Option<(Instant, bool)>,
    /// The peer has answered since.
    answered: bool,
}

impl Losses {
    fn lock(&self) -> MutexGuard<'_, Loss> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the peer answered a call that began then.
    fn answered(&self, begun: Instant) {
        let mut loss = self.lock();
        loss.answered |= loss.last.is_none_or(|(at, _)| begun > at);
    }

    /// What the end of its connection tells about the peer to a call that began then.
    fn outcome(&self, begun: Instant) -> Outcome {
        let mut loss = self.lock();
        match loss.last {
            Some((at, had_answered)) if begun <= at => {
                if had_answered {
                    Outcome::Inconclusive
                } else {
                    Outcome::Failed
                }
            }
            _ => {
                loss.last = Some((Instant::now(), std::mem::take(&mut loss.answered)));
                Outcome::Failed
            }
        }
    }
}

impl Peer {
    /// A channel to the service `name` at `address` (`host:port`, or a URL) that connects when it is first used.
    /// `variable` names the address in errors.
    pub fn lazy(name: &'static str, variable: &str, address: &str) -> Result<Self, ConfigError> {
        let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let endpoint = Endpoint::from_shared(url)
            .map_err(|_| ConfigError::new(variable, "is not an address such as host:port"))?
            .connect_timeout(Duration::from_secs(1))
            .tcp_nodelay(true)
            // A connection over a dead link is given up within four seconds, so that the next call or probe gets a new one.
            .http2_keep_alive_interval(Duration::from_secs(2))
            .keep_alive_timeout(Duration::from_secs(2))
            .keep_alive_while_idle(true);
        let (breaker, losses) = (CircuitBreaker::new(name), Arc::default());
        Ok(Self { channel: endpoint.connect_lazy(), name, key: None, is_outside: false, breaker, losses })
    }

    /// Calls carry the identity of the service that owns `key`.
    #[must_use]
    pub fn identified(mut self, key: ServiceKey) -> Self {
        self.key = Some(key);
        self
    }

    /// The peer may be a service of others: calls carry neither identity nor session.
    #[must_use]
    pub fn outside(mut self) -> Self {
        self.key = None;
        self.is_outside = true;
        self
    }

    fn prepare(&self, request: &mut Request<Body>) -> Result<Duration, Status> {
        let left = deadline::remaining(CALL_TIMEOUT);
        if left.is_zero() {
            return Err(Status::deadline_exceeded(format!("no time left to ask {}", self.name)));
        }
        let headers = request.headers_mut();
        headers
            .insert("grpc-timeout", HeaderValue::try_from(format!("{}m", left.as_millis().max(1))).map_err(internal)?);
        for (name, value) in telemetry::trace_context() {
            let name = HeaderName::try_from(name).map_err(internal)?;
            headers.insert(name, HeaderValue::try_from(value).map_err(internal)?);
        }
        if !self.is_outside {
            crate::auth::forward(headers);
        }
        if let Some(key) = &self.key {
            let token = key.token(self.name).map_err(internal)?;
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(internal)?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(left)
    }
}

/// An error and its causes, in one line.
fn chain(error: &tonic::transport::Error) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// An error and its causes.
fn causes(error: &tonic::transport::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source())
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    /// Always ready: waiting for a connection is part of the call, bounded by its deadline, and an open breaker refuses at once.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let permit = match self.breaker.acquire() {
            Ok(permit) => permit,
            Err(refused) => {
                let mut status = Status::unavailable(refused.to_string());
                status.set_source(Arc::new(refused));
                return Box::pin(async { Err(status.into()) });
            }
        };
        let left = match self.prepare(&mut request) {
            Ok(left) => left,
            Err(status) => return Box::pin(async { Err(status.into()) }),
        };
        let (name, mut channel, losses) = (self.name, self.channel.clone(), self.losses.clone());
        let begun = Instant::now();
        let deadline = begun + left;
        Box::pin(async move {
            let answer = timeout_at(deadline, async {
                poll_fn(|context| channel.poll_ready(context)).await?;
                channel.call(request).await
            });
            let timed_out = match answer.await {
                Ok(Ok(answer)) => {
                    let code = Status::from_header_map(answer.headers()).map_or(Code::Ok, |status| status.code());
                    permit.end(outcome(code, left));
                    losses.answered(begun);
                    return Ok(answer.map(|body| Body::new(Answer::new(body, name, deadline))));
                }
                // The channel reads `grpc-timeout` too, and may be the first to notice.
                Ok(Err(error)) if !causes(&error).any(<dyn std::error::Error>::is::<TimeoutExpired>) => {
                    let is_refused = causes(&error).any(<dyn std::error::Error>::is::<ConnectError>);
                    permit.end(if is_refused { Outcome::Failed } else { losses.outcome(begun) });
                    // The end of a connection is no answer of the peer; tonic would report it as CANCELLED or UNKNOWN.
                    return Err(Status::unavailable(format!("{name}: {}", chain(&error))).into());
                }
                Ok(Err(_)) | Err(_) => Status::deadline_exceeded(format!("{name} did not answer in time")),
            };
            permit.end(outcome(timed_out.code(), left));
            Err(timed_out.into())
        })
    }
}

/// What a status says about the health of the peer, which had `left` to answer.
fn outcome(code: Code, left: Duration) -> Outcome {
    match code {
        Code::Unavailable => Outcome::Failed,
        // A server of tonic says CANCELLED where it is the first to notice that the time is over.
        Code::DeadlineExceeded | Code::Cancelled if left >= FAIR => Outcome::Failed,
        Code::DeadlineExceeded | Code::Cancelled => Outcome::Inconclusive,
        _ => Outcome::Answered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

        assert_eq!((losses.outcome(second), losses.outcome(first)), (Outcome::Failed, Outcome::Inconclusive));
        // The next connection is silent from the start.
        let (third, fourth) = (begin().await, begin().await);
        losses.answered(first);
        begin().await;
        assert_eq!((losses.outcome(third), losses.outcome(fourth)), (Outcome::Failed, Outcome::Failed));
    }

    #[test]
    fn a_deadline_tells_about_the_peer_only_where_it_had_a_second() {
        let second = Duration::from_secs(1);
        let cases = [
            (Code::DeadlineExceeded, second, Outcome::Failed),
            (Code::DeadlineExceeded, Duration::from_millis(999), Outcome::Inconclusive),
            (Code::Unavailable, Duration::from_millis(1), Outcome::Failed),
            (Code::Ok, second, Outcome::Answered),
            (Code::Unauthenticated, second, Outcome::Answered),
            (Code::ResourceExhausted, second, Outcome::Answered),
            (Code::Internal, second, Outcome::Answered),
        ];

        for (code, left, expected) in cases {
            assert_eq!(outcome(code, left), expected, "{code:?} after {left:?}");
        }
    }
}
