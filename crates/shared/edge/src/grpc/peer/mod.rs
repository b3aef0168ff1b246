//! Client of another service. It adds identity, deadline and trace context to each call, balances calls over the
//! service's replicas, and refuses calls while its circuit breaker is open.

mod link;
mod payload;
mod replica;
mod replicas;
mod target;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use base::{
    circuit_breaker::{CallOutcome, CircuitBreaker},
    config::ConfigError,
    deadline, trace,
};
use http::{HeaderValue, Request, Response, header};
use link::{Failure, Link, Verdict, outcome, outcome_of};
use opentelemetry_http::HeaderInjector;
use payload::ResponseBody;
use replicas::Replicas;
pub use target::Resolver;
use target::{SystemResolver, Target};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tower::Service;

use super::Unprocessed;
use crate::{
    auth::{self, ServiceKey},
    tls::Tls,
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The time limit of a call for which the caller sets no earlier deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit of a health check of the peer by an open circuit breaker.
const LOOK_TIMEOUT: Duration = Duration::from_millis(250);

/// Another service, as the transport of a generated client.
#[derive(Clone)]
pub struct Peer {
    route: Route,
    name: &'static str,
    key: Option<ServiceKey>,
    forwards: Forwards,
    breaker: Arc<CircuitBreaker>,
}

/// The user's credential that a call carries.
#[derive(Clone, Copy)]
enum Forwards {
    Nothing,
    Session,
    /// The session or the access token.
    Credential,
}

#[derive(Clone)]
enum Route {
    /// A single address, which needs neither lookup nor balancing.
    Address(Arc<Link>),
    Replicas(Arc<Replicas>),
}

impl Route {
    /// Checks whether calls would be served, for an open circuit breaker.
    async fn serves(self) -> bool {
        match self {
            Self::Address(link) => link.check(LOOK_TIMEOUT).await.0 == Verdict::Serving,
            Self::Replicas(replicas) => replicas.serve(LOOK_TIMEOUT).await,
        }
    }
}

/// An extension of a call's request: the number of callers' requests that the call carries. Each counts for the circuit
/// breaker.
#[derive(Clone, Copy, Debug)]
pub struct Carries(pub usize);

impl Peer {
    /// Creates a channel to the service `name` at `address` (`host:port`, or a URL), which connects on first use. A
    /// host name stands for all its addresses, and is resolved periodically until the last clone is dropped. Errors
    /// name `variable`.
    pub fn lazy(name: &'static str, variable: &str, address: &str) -> Result<Self, ConfigError> {
        Self::over(None, name, variable, address)
    }

    /// Like [`lazy`](Self::lazy), but over TLS if `tls` is set, to servers whose certificates name this service. Fails
    /// if a URL's scheme contradicts `tls`.
    pub fn over(tls: Option<&Tls>, name: &'static str, variable: &str, address: &str) -> Result<Self, ConfigError> {
        Ok(Self::to(Target::parse(tls, Some(name), variable, address)?, name, Arc::new(SystemResolver)))
    }

    /// Like [`over`](Self::over), for a program outside this system, whose certificate needs only the host name.
    pub fn outside(tls: Option<&Tls>, name: &'static str, variable: &str, address: &str) -> Result<Self, ConfigError> {
        Ok(Self::to(Target::parse(tls, None, variable, address)?, name, Arc::new(SystemResolver)))
    }

    /// Like [`lazy`](Self::lazy), but resolves host names with `resolver`.
    pub fn resolved(
        resolver: Arc<dyn Resolver>,
        name: &'static str,
        variable: &str,
        address: &str,
    ) -> Result<Self, ConfigError> {
        Ok(Self::to(Target::parse(None, None, variable, address)?, name, resolver))
    }

    fn to(target: Target, name: &'static str, resolver: Arc<dyn Resolver>) -> Self {
        metrics::counter!("peer_calls_repeated_total", "peer" => name).increment(0);
        let route = match target.name() {
            None => Route::Address(Arc::new(Link::new(target.channel(None)))),
            Some(_) => Route::Replicas(Arc::new(Replicas::new(name, target, resolver))),
        };
        let looked_at = route.clone();
        let breaker = CircuitBreaker::new(name, move || looked_at.clone().serves());
        Self { route, name, key: None, forwards: Forwards::Nothing, breaker }
    }

    /// Makes calls carry the identity of the service that owns `key`.
    #[must_use]
    pub fn identified(mut self, key: ServiceKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Makes calls carry the session of the request for which they are made, if any.
    #[must_use]
    pub fn forwarding_session(mut self) -> Self {
        self.forwards = Forwards::Session;
        self
    }

    /// Makes calls carry the request's session or access token. Use this only on a channel without an identity, whose
    /// token would replace the user's.
    #[must_use]
    pub fn forwarding_credential(mut self) -> Self {
        self.forwards = Forwards::Credential;
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
        trace::inject(&mut HeaderInjector(headers));
        match self.forwards {
            Forwards::Nothing => {}
            Forwards::Session => auth::forward_session(headers),
            Forwards::Credential => auth::forward_credential(headers),
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

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    /// Always ready: the wait for a connection is part of the call, and an open breaker refuses the call at once.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let carries = request.extensions().get::<Carries>().map_or(1, |carries| carries.0);
        let permit = match self.breaker.acquire(carries) {
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
        let (name, route) = (self.name, self.route.clone());
        let deadline = Instant::now() + left;
        Box::pin(async move {
            let response = match &route {
                Route::Address(link) => link.send(request, deadline).await,
                Route::Replicas(replicas) => replicas.send(request, deadline).await,
            };
            match response {
                Ok(response) => {
                    let status = Status::from_header_map(response.headers());
                    permit.end(status.map_or(CallOutcome::Answered, |status| outcome_of(&status, left)));
                    Ok(response.map(|body| Body::new(ResponseBody::new(body, name, deadline))))
                }
                Err(Failure::Lost(lost)) => {
                    permit.end(lost.outcome);
                    // tonic would report a lost connection, which is not a response of the peer, as CANCELLED or
                    // UNKNOWN.
                    let mut status = Status::unavailable(format!("{name}: {}", lost.message));
                    if lost.is_refused || lost.is_unconnected {
                        status.set_source(Arc::new(Unprocessed));
                    }
                    Err(status.into())
                }
                Err(Failure::TimedOut { others_serve }) => {
                    let late = outcome(Code::DeadlineExceeded, left);
                    permit.end(if others_serve { CallOutcome::Inconclusive } else { late });
                    Err(Status::deadline_exceeded(format!("{name} did not answer in time")).into())
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{CREDENTIAL, Credential, SESSION_METADATA};

    fn peer() -> Peer {
        Peer::lazy("peer", "PEER_ADDRESS", "127.0.0.1:1").unwrap()
    }

    /// Returns the session and the authorization of a call for a request with this credential.
    async fn forwarded(peer: Peer, credential: Credential) -> [Option<String>; 2] {
        let mut request = Request::new(Body::empty());
        let prepared = CREDENTIAL.scope(credential, async { peer.prepare(&mut request).is_ok() }).await;
        assert!(prepared);
        let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        [text(SESSION_METADATA), text("authorization")]
    }

    #[tokio::test]
    async fn the_session_of_a_request_is_forwarded_by_a_channel_that_says_so_and_by_no_other() {
        let session = || Credential::Session("a session".to_owned());
        let sent = [Some("a session".to_owned()), None];

        assert_eq!(forwarded(peer(), session()).await, [None, None]);
        assert_eq!(forwarded(peer().forwarding_session(), session()).await, sent);
        assert_eq!(forwarded(peer().forwarding_credential(), session()).await, sent);
    }

    #[tokio::test]
    async fn an_access_token_is_forwarded_only_by_a_channel_for_credentials() {
        let token = || Credential::Token("a.b.c".to_owned());

        assert_eq!(forwarded(peer(), token()).await, [None, None]);
        assert_eq!(forwarded(peer().forwarding_session(), token()).await, [None, None]);
        let sent = [None, Some("Bearer a.b.c".to_owned())];
        assert_eq!(forwarded(peer().forwarding_credential(), token()).await, sent);
    }
}
