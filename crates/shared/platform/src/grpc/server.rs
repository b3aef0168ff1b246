//! gRPC server. Services are behind a guard; health and reflection need no session. The paths of a server's RPCs are
//! the closed set of labels of its metrics.

use std::{collections::HashSet, convert::Infallible, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{
    Router,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio_util::sync::CancellationToken;
use tonic::{
    server::NamedService,
    service::{Routes, RoutesBuilder},
};
use tonic_health::server::HealthReporter;

use super::{
    details,
    health::{self, MAX_OPEN_MESSAGE_BYTES},
    inbound, refuse,
};
use crate::{
    auth::Guard,
    config::descriptions::Descriptions,
    deadline,
    http::catch_panics,
    listener::{Listener, Protocol},
    server::readiness::Readiness,
    shared_layer::shared,
    telemetry::request_telemetry,
};

/// The time limit of a call for which the caller sets no earlier deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

pub struct Services {
    routes: RoutesBuilder,
    /// The encoded `FileDescriptorSet` of the services, which reflection serves.
    descriptors: &'static [u8],
    names: Vec<&'static str>,
    apart: Vec<&'static str>,
}

impl Services {
    /// Creates an empty set of services. `descriptors` is the encoded `FileDescriptorSet` of all services to be added.
    pub fn new(descriptors: &'static [u8]) -> Self {
        Self { routes: RoutesBuilder::default(), descriptors, names: Vec::new(), apart: Vec::new() }
    }

    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: tower::Service<http::Request<tonic::body::Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Adds a service with its own slots, as many as all other services share.
    #[must_use]
    pub fn with_own_slots<S>(mut self, service: S) -> Self
    where
        S: tower::Service<http::Request<tonic::body::Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.apart.push(S::NAME);
        self.with(service)
    }

    fn own_rpcs(&self) -> anyhow::Result<Rpcs> {
        Rpcs::new(&self.names, &[self.descriptors])
    }

    /// Returns every RPC of the server, including those of health and reflection.
    fn rpcs(&self) -> anyhow::Result<Rpcs> {
        let open = [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ];
        let descriptors = [
            self.descriptors,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        Rpcs::new(&[&self.names[..], &open].concat(), &descriptors)
    }

    /// Builds the router of the services with health, reflection and every layer. Fails if `guard` has no rule for an
    /// RPC.
    pub fn router(self, guard: Guard, max_calls_in_flight: usize) -> anyhow::Result<Router> {
        self.layered(guard, max_calls_in_flight).map(|(router, _)| router)
    }

    fn layered(self, guard: Guard, max_calls_in_flight: usize) -> anyhow::Result<(Router, HealthReporter)> {
        let rpcs = self.rpcs()?;
        let own = self.own_rpcs()?;
        let without_rule = guard.without_rule(own.iter().map(|path| &**path));
        anyhow::ensure!(without_rule.is_empty(), "no rule says who may call {}", without_rule.join(", "));
        let reflection_v1 = self.reflection().build_v1().context("building reflection")?;
        let reflection_v1alpha = self.reflection().build_v1alpha().context("building reflection")?;
        request_telemetry::count_from_zero(&rpcs);
        let guarded =
            inbound::bounded(self.routes.routes().into_axum_router(), guard, max_calls_in_flight, &self.apart);
        let (reporter, mut open) = health::service();
        if Descriptions::of_this_process().grpc_reflection {
            let reflection = Routes::new(reflection_v1.max_decoding_message_size(MAX_OPEN_MESSAGE_BYTES))
                .add_service(reflection_v1alpha.max_decoding_message_size(MAX_OPEN_MESSAGE_BYTES));
            open = open.merge(health::bounded(reflection, |_| true));
        }
        Ok((layers(guarded.merge(open), rpcs), reporter))
    }

    /// Serves until `stop`, continues during the drain, then finishes the calls in flight within
    /// [`shutdown::REQUESTS_TIMEOUT`](crate::server::shutdown::REQUESTS_TIMEOUT).
    ///
    /// Health reports SERVING for `""` and each service while `readiness` is met. Fails if `guard` has no rule for an
    /// RPC.
    pub async fn serve(
        self,
        listener: impl Into<Listener>,
        guard: Guard,
        readiness: Readiness,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let listener = listener.into();
        let names = self.names.clone();
        let (router, reporter) = self.layered(guard, listener.max_calls_in_flight())?;
        tokio::select! {
            // `biased` polls `report` first, which sets the status before the first call; tonic-health reports SERVING
            // until then.
            biased;
            () = health::report(&reporter, &names, &readiness) => Ok(()),
            served = listener.serve(Protocol::Grpc, router, readiness.clone(), stop) => served,
        }
    }

    fn reflection(&self) -> tonic_reflection::server::Builder<'static> {
        let mut builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(self.descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // The error details, which clients such as grpcurl look up by name.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        for name in &self.names {
            builder = builder.with_service_name(*name);
        }
        builder
    }
}

/// Adds the layers around all services: tracing, metrics, deadline, INTERNAL for panics, and error details.
fn layers(router: Router, rpcs: Rpcs) -> Router {
    router.layer(shared(axum::middleware::from_fn_with_state(rpcs, call_layer)))
}

/// One layer, since each layer of axum costs each call several allocations.
async fn call_layer(State(rpcs): State<Rpcs>, request: Request, next: Next) -> Response {
    let handle = async |request: Request| {
        let response = bounded(request, async |request| details::readable(next.run(request).await));
        let response = catch_panics(response, || refuse(&tonic::Status::internal("internal error"))).await;
        details::completed(response)
    };
    request_telemetry::grpc(&rpcs, request, handle).await
}

/// Limits a call to the deadline that its caller sent, but at most to [`CALL_TIMEOUT`].
async fn bounded(request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    let asked = request.headers().get("grpc-timeout").and_then(|value| parse_timeout(value.to_str().ok()?));
    let limit = asked.unwrap_or(CALL_TIMEOUT).min(CALL_TIMEOUT);
    let work = deadline::within(limit, next(request));
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| refuse(&tonic::Status::deadline_exceeded("the call took too long")))
}

/// Parses `grpc-timeout`: at most eight digits and a unit (gRPC over HTTP/2).
fn parse_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let amount: u32 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    let unit = match unit {
        "H" => Duration::from_hours(1),
        "M" => Duration::from_mins(1),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    unit.checked_mul(amount)
}

/// The paths of RPCs, such as `/auth.v1.AuthService/Login`.
#[derive(Clone)]
pub struct Rpcs(Arc<HashSet<Arc<str>>>);

impl Rpcs {
    /// Lists every RPC of `services`, each of which the encoded `descriptors` must describe.
    pub fn new(services: &[&str], descriptors: &[&[u8]]) -> anyhow::Result<Self> {
        let mut paths = HashSet::new();
        for encoded in descriptors {
            for file in FileDescriptorSet::decode(*encoded).context("decoding the descriptors")?.file {
                for service in &file.service {
                    let name = format!("{}.{}", file.package(), service.name());
                    if services.contains(&name.as_str()) {
                        paths.extend(service.method.iter().map(|method| format!("/{name}/{}", method.name()).into()));
                    }
                }
            }
        }
        Ok(Self(Arc::new(paths)))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter()
    }

    pub fn find(&self, path: &str) -> Option<Arc<str>> {
        self.0.get(path).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_read_as_the_protocol_writes_it() {
        assert_eq!(parse_timeout("1500m"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_timeout("2S"), Some(Duration::from_secs(2)));
        for wrong in ["", "S", "5", "5x", "123456789S", "-1S", "é"] {
            assert_eq!(parse_timeout(wrong), None, "{wrong}");
        }
    }
}
