//! gRPC server. Services are behind a guard; health and reflection need no session.

use std::convert::Infallible;

use anyhow::Context as _;
use axum::Router;
use base::{config::descriptions::Descriptions, readiness::Readiness};
use tokio_util::sync::CancellationToken;
use tonic::{
    server::NamedService,
    service::{Routes, RoutesBuilder},
};
use tonic_health::server::HealthReporter;

use super::{
    health::{self, MAX_OPEN_MESSAGE_BYTES, Streams},
    layer::{self, CallLimits},
};
use crate::{
    auth::Guard,
    listener::{Listener, Protocol},
    request_telemetry::{self, Rpcs},
};

const HEALTH: &str = "grpc.health.v1.Health";
const REFLECTION: [&str; 2] = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

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
        let descriptors = [
            self.descriptors,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        Rpcs::new(&[&self.names[..], &[HEALTH], &REFLECTION].concat(), &descriptors)
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
        let (reporter, health) = health::service();
        let mut open = vec![Streams::new(&[HEALTH], health::is_watch)];
        // The guarded services have the fallback for unknown paths.
        let mut router = self.routes.routes().into_axum_router().merge(health.into_axum_router().reset_fallback());
        if Descriptions::of_this_process().grpc_reflection {
            let reflection = Routes::new(reflection_v1.max_decoding_message_size(MAX_OPEN_MESSAGE_BYTES))
                .add_service(reflection_v1alpha.max_decoding_message_size(MAX_OPEN_MESSAGE_BYTES));
            router = router.merge(reflection.into_axum_router().reset_fallback());
            open.push(Streams::new(&REFLECTION, |_| true));
        }
        let limits = CallLimits::new(guard, max_calls_in_flight, &self.apart);
        Ok((layer::around(router, rpcs, limits, open), reporter))
    }

    /// Serves until `stop`, continues during the drain, then finishes the calls in flight within
    /// [`REQUEST_TIMEOUT`](base::deadline::REQUEST_TIMEOUT).
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
            .with_service_name(HEALTH);
        for name in &self.names {
            builder = builder.with_service_name(*name);
        }
        builder
    }
}
