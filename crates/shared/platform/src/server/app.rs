//! A built service: its APIs, consumers, relay and jobs, which start in the same order in every service.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use edge::{
    auth::Guard,
    grpc::Services,
    http,
    listener::Listener,
    tls::{Acceptor, Clients, Tls},
};
use events::kafka::Consumer;
use futures::future::BoxFuture;
use outbox::Relay;
use tokio_util::sync::CancellationToken;

use super::{
    Server,
    readiness::Readiness,
    service::{SecondApi, Service},
    shutdown::Tasks,
};
use crate::jobs::Job;

/// Work that ends early when the token is cancelled, and fails only if a retry cannot help.
pub type Run = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> + Send>;

/// A service that has bound its listeners but has not been started.
#[must_use]
pub struct App {
    server: Server,
    grpc: Option<(Services, Guard)>,
    http: Option<Router>,
    consumers: Vec<Consumer>,
    relay: Option<Relay>,
    jobs: Vec<Job>,
    before_serving: Option<Run>,
    before_consuming: Option<Run>,
}

impl App {
    /// Creates a service that serves only metrics and health.
    pub fn new(server: Server) -> Self {
        Self {
            server,
            grpc: None,
            http: None,
            consumers: Vec::new(),
            relay: None,
            jobs: Vec::new(),
            before_serving: None,
            before_consuming: None,
        }
    }

    pub fn grpc(self, services: Services, guard: Guard) -> Self {
        Self { grpc: Some((services, guard)), ..self }
    }

    /// Serves HTTP. The router must have a guard.
    pub fn http(self, router: Router) -> Self {
        Self { http: Some(router), ..self }
    }

    pub fn consumers(mut self, consumers: Vec<Consumer>) -> Self {
        self.consumers.extend(consumers);
        self
    }

    pub fn relay(self, relay: Relay) -> Self {
        Self { relay: Some(relay), ..self }
    }

    pub fn jobs(mut self, jobs: impl IntoIterator<Item = Job>) -> Self {
        self.jobs.extend(jobs);
        self
    }

    /// Runs `work` once the database is migrated, before the first request is accepted.
    pub fn before_serving<F>(self, work: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self { before_serving: Some(Box::new(|stop| Box::pin(work(stop)))), ..self }
    }

    /// Runs `work` while requests are already served, before records are consumed and jobs run.
    pub fn before_consuming<F>(self, work: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self { before_consuming: Some(Box::new(|stop| Box::pin(work(stop)))), ..self }
    }

    /// Returns the address of the first API, with the actual port if the configured one is 0.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    /// Returns the address of the second API. Fails if the service has none.
    pub fn second_address(&self) -> anyhow::Result<SocketAddr> {
        self.server.second_address()
    }

    pub fn readiness(&self) -> Readiness {
        self.server.readiness()
    }

    /// Returns the service's own admin routes, for a process with one admin port for several services.
    pub fn admin(&self) -> Router {
        self.server.own_admin.clone()
    }

    /// Returns [`run`](Self::run) as a function, for callers that run several kinds of programs.
    pub fn into_run(self) -> Run {
        Box::new(|stop| Box::pin(self.run(stop)))
    }

    /// Runs the service until `stop`, or until a failure that a retry cannot repair.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let started = self.server.start(&stop).await?;
        if let Some(work) = self.before_serving {
            work(stop.clone()).await?;
        }
        let mut tasks = started.serve(self.grpc, self.http)?;
        if let Some(work) = self.before_consuming {
            work(stop).await?;
        }
        for job in self.jobs {
            tasks.spawn(job.name, job.run);
        }
        if let Some(relay) = self.relay {
            tasks.spawn("outbox", |stop| relay.run(stop));
        }
        for consumer in self.consumers {
            tasks.spawn("consumer", |stop| consumer.run(stop));
        }
        tasks.join().await
    }
}

/// A server whose database is migrated, and which can serve requests.
pub(super) struct Started {
    pub service: &'static Service,
    pub listener: Listener,
    pub second: Option<Listener>,
    pub readiness: Readiness,
    pub tls: Option<Tls>,
    pub stopping: CancellationToken,
    pub tasks: Tasks,
}

impl Started {
    /// Serves one API, or two if the service has a [`SecondApi`].
    fn serve(self, grpc: Option<(Services, Guard)>, http: Option<Router>) -> anyhow::Result<Tasks> {
        let Self { service, listener: first, second, readiness, tls, stopping, mut tasks } = self;
        tasks.serve("stopping", |stop| async move {
            stop.cancelled().await;
            stopping.cancel();
            Ok(())
        });
        let (grpc_listener, http_listener) = match service.second_api {
            Some(SecondApi::Grpc(_)) => (second, Some(first)),
            Some(SecondApi::Http(_)) => (Some(first), second),
            None if grpc.is_some() => (Some(first), None),
            None => (None, Some(first)),
        };
        if let Some((services, guard)) = grpc {
            let listener = grpc_listener.with_context(|| format!("{service} has no listener for gRPC"))?;
            let (listener, drained) = (over(tls.as_ref(), Clients::Certified, listener), readiness.clone());
            tasks.serve("grpc", |stop| services.serve(listener, guard, drained, stop));
        }
        if let Some(router) = http {
            let listener = http_listener.with_context(|| format!("{service} has no listener for HTTP"))?;
            let listener = over(tls.as_ref(), Clients::Anyone, listener);
            tasks.serve("http", |stop| http::serve(listener, router, readiness, stop));
        }
        Ok(tasks)
    }
}

/// Adds TLS to a listener if TLS is configured. HTTP listeners request no client certificate; gRPC listeners require
/// one.
fn over(tls: Option<&Tls>, clients: Clients, listener: Listener) -> Listener {
    match tls {
        Some(tls) => listener.with_tls(Acceptor::new(tls.clone(), clients)),
        None => listener,
    }
}
