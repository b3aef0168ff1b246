//! A lazy channel to another service, which adds to each call who calls, for how long, and within which trace.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderName, HeaderValue, Request, Response, header};
use tonic::{
    Status,
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::Service;

use crate::{auth::ServiceKey, config::ConfigError, deadline, telemetry};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long a call may take where its caller sets no sooner deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Another service, as a generated client's transport.
#[derive(Clone)]
pub struct Peer {
    channel: Channel,
    name: &'static str,
    key: Option<ServiceKey>,
}

impl Peer {
    /// A channel to the service `name` at `address` (`host:port`, or a URL) that connects when it is first used.
    /// `variable` names the address in errors.
    pub fn lazy(name: &'static str, variable: &str, address: &str) -> Result<Self, ConfigError> {
        let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let endpoint = Endpoint::from_shared(url)
            .map_err(|_| ConfigError::new(variable, "is not an address such as 127.0.0.1:50053"))?
            .connect_timeout(Duration::from_secs(1))
            .tcp_nodelay(true)
            // A peer behind a dead link is given up within eight seconds, and every call by its own deadline before.
            .http2_keep_alive_interval(Duration::from_secs(5))
            .keep_alive_timeout(Duration::from_secs(3))
            .keep_alive_while_idle(true);
        Ok(Self { channel: endpoint.connect_lazy(), name, key: None })
    }

    /// Calls carry the identity of the service that owns `key`.
    #[must_use]
    pub fn identified(mut self, key: ServiceKey) -> Self {
        self.key = Some(key);
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
        crate::auth::forward(headers);
        if let Some(key) = &self.key {
            let token = key.token(self.name).map_err(internal)?;
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(internal)?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(left)
    }
}

/// An error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.channel.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let left = match self.prepare(&mut request) {
            Ok(left) => left,
            Err(status) => return Box::pin(async { Err(status.into()) }),
        };
        let name = self.name;
        let answer = self.channel.call(request);
        Box::pin(async move {
            match tokio::time::timeout(left, answer).await {
                // Whatever ended the connection, it is no answer of the peer; tonic would tell it as CANCELLED or UNKNOWN.
                Ok(answer) => answer.map_err(|error| Status::unavailable(format!("{name}: {}", chain(&error))).into()),
                Err(_) => Err(Status::deadline_exceeded(format!("{name} did not answer in time")).into()),
            }
        })
    }
}
