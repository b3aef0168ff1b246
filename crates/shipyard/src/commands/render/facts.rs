//! What the templates know: the services, the gateway's routes, the events with their topics, and the metrics.

use std::collections::BTreeSet;

use anyhow::Context as _;
use contracts::{
    events::{self, Inbound, Key, Route, Topics, broker_users, topics_of},
    gateway::ROUTES,
};
use operations::{facts::TIME_LIMITS, registry::SERVICES};
use platform::{
    server::service::{Api, Service},
    telemetry::metric::{METRICS, Metric},
};
use serde::Serialize;

use crate::commands::up::OF_OPERATORS;

#[derive(Serialize)]
pub struct Facts {
    pub services: Vec<ServiceFacts>,
    /// The RPCs that the gateway serves over HTTP.
    pub routes: Vec<RouteFacts>,
    /// All topics, in the order of the catalogue.
    pub topics: Vec<TopicFacts>,
    /// The version of the workspace, and of its images.
    pub version: &'static str,
    /// The events that the services publish, in the order of the catalogue.
    pub events: Vec<EventFacts>,
    /// The topics that programs outside write.
    pub inbound: Vec<InboundFacts>,
    /// The metrics of every service, and then those of each.
    pub metrics: Vec<MetricsFacts>,
    /// The services' variables that audits and receipts read, too.
    pub time_limits: &'static [&'static str],
    /// The variables of iam that `shipyard operator` reads, too.
    pub of_operators: &'static [&'static str],
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct ServiceFacts {
    pub name: &'static str,
    /// The name in upper case, with which its variables begin.
    pub prefix: String,
    pub about: &'static str,
    /// The first API first.
    pub apis: Vec<ApiFacts>,
    /// The port that other services call: the gRPC API's if there is one.
    pub called_port: u16,
    pub admin_port: u16,
    pub database: bool,
    /// The default size of its pool of connections; 0 without a database.
    pub connections: u32,
    pub redis: bool,
    /// Whether it is a user of the broker.
    pub topics: bool,
    /// Whether it publishes events.
    pub publishes: bool,
    /// The names of the services that it calls.
    pub calls: Vec<&'static str>,
    /// The names of the services that call it.
    pub callers: Vec<&'static str>,
    /// The gRPC services that it serves, in the order of their names, such as `auth.v1.AuthService`.
    pub rpc_services: Vec<&'static str>,
}

#[derive(Serialize)]
pub struct ApiFacts {
    pub port: u16,
    /// `grpc` or `http`.
    pub protocol: &'static str,
}

#[derive(Serialize)]
pub struct RouteFacts {
    /// The HTTP method.
    pub verb: &'static str,
    /// The path, with the names of fields in braces.
    pub path: &'static str,
    /// The path of the RPC.
    pub rpc: &'static str,
    /// Whether the gateway requires no session.
    pub open: bool,
    /// The name of the service.
    pub service: &'static str,
    /// The path as a regular expression, if it has fields.
    pub pattern: Option<String>,
}

#[derive(Serialize)]
pub struct TopicFacts {
    pub name: String,
    /// The variable for another name.
    pub variable: &'static str,
}

#[derive(Serialize)]
pub struct EventFacts {
    pub name: &'static str,
    pub topic: String,
    /// What its key identifies: `order`, `customer` or `user`.
    pub key: &'static str,
    pub producer: &'static str,
    /// The names of the services that handle it.
    pub consumers: Vec<&'static str>,
}

#[derive(Serialize)]
pub struct InboundFacts {
    pub name: String,
    /// The broker's user that programs outside are.
    pub outside: &'static str,
    /// The service that also writes to it.
    pub producer: Option<&'static str>,
    /// The service that reads it, in this group.
    pub service: &'static str,
    pub group: &'static str,
}

#[derive(Serialize)]
pub struct MetricsFacts {
    pub title: &'static str,
    pub metrics: Vec<MetricFacts>,
}

#[derive(Serialize)]
pub struct MetricFacts {
    pub name: &'static str,
    pub kind: &'static str,
    pub labels: &'static [&'static str],
    pub meaning: &'static str,
}

impl Facts {
    pub fn new() -> anyhow::Result<Self> {
        let services: Vec<ServiceFacts> = SERVICES.into_iter().map(ServiceFacts::new).collect();
        let routes = ROUTES.iter().map(|route| {
            let (rpc_service, _) =
                route.rpc[1..].split_once('/').context("an RPC has the form /package.Service/Rpc")?;
            let service = services.iter().find(|service| service.rpc_services.contains(&rpc_service));
            let service = service.with_context(|| format!("no service has a rule for {}", route.rpc))?;
            let (verb, path, rpc, open) = (route.verb, route.path, route.rpc, route.is_open);
            Ok(RouteFacts { verb, path, rpc, open, service: service.name, pattern: pattern(path) })
        });
        let routes = routes.collect::<anyhow::Result<_>>()?;
        let names = Topics::default();
        let topics = names.variables().map(|(variable, name)| TopicFacts { name: name.to_owned(), variable }).collect();
        let events = events::ROUTES.iter().map(|route| EventFacts::new(route, &names)).collect();
        let inbound = events::INBOUND.iter().map(|inbound| InboundFacts::new(inbound, &names)).collect();
        let own = SERVICES.into_iter().filter(|service| !service.metrics.is_empty());
        let own = own.map(|service| MetricsFacts::new(service.name, service.metrics));
        let metrics = [MetricsFacts::new("Every service", METRICS)].into_iter().chain(own).collect();
        Ok(Self {
            services,
            routes,
            topics,
            version: env!("CARGO_PKG_VERSION"),
            events,
            inbound,
            metrics,
            time_limits: &TIME_LIMITS,
            of_operators: &OF_OPERATORS,
        })
    }
}

impl EventFacts {
    fn new(route: &Route, topics: &Topics) -> Self {
        let name = route.kind.rsplit('.').next().unwrap_or(route.kind);
        let key = match route.key {
            Key::Order => "order",
            Key::Customer => "customer",
            Key::User => "user",
        };
        let consumers = route.consumers.iter().map(|consumer| consumer.service).collect();
        let (topic, producer) = (route.topic(topics).to_owned(), route.producer);
        Self { name, topic, key, producer, consumers }
    }
}

impl InboundFacts {
    fn new(inbound: &Inbound, topics: &Topics) -> Self {
        let (outside, producer, consumer) = (inbound.outside, inbound.producer, inbound.consumer);
        let name = inbound.topic(topics).to_owned();
        Self { name, outside, producer, service: consumer.service, group: consumer.group }
    }
}

impl MetricsFacts {
    fn new(title: &'static str, metrics: &[Metric]) -> Self {
        let metrics = metrics.iter().map(|&Metric { name, kind, labels, meaning }| {
            let kind = kind.as_str();
            MetricFacts { name, kind, labels, meaning }
        });
        Self { title, metrics: metrics.collect() }
    }
}

/// Returns the regular expression of a path with fields in braces, of which each is one part of the path.
fn pattern(path: &str) -> Option<String> {
    let part = |part: &str| if part.starts_with('{') { "[^/]+".to_owned() } else { part.replace('.', "[.]") };
    path.contains('{').then(|| path.split('/').map(part).collect::<Vec<_>>().join("/"))
}

impl ServiceFacts {
    fn new(service: &'static Service) -> Self {
        let apis = service.apis();
        let called = service.called_at();
        let called_port = apis.iter().find(|api| api.listen == called).map_or(service.port, |api| api.port);
        let callers = SERVICES.into_iter().filter(|other| other.calls.iter().any(|call| call.to == service.name));
        let rules = (service.rules)();
        let methods = rules.iter().flat_map(|table| table.iter()).map(|rule| rule.method);
        let rpc_services: BTreeSet<&str> =
            methods.filter_map(|method| Some(method.strip_prefix('/')?.split_once('/')?.0)).collect();
        Self {
            name: service.name,
            prefix: service.name.to_uppercase(),
            about: service.about,
            apis: apis.iter().map(ApiFacts::new).collect(),
            called_port,
            admin_port: service.admin_port,
            database: service.database.is_some(),
            connections: service.database.as_ref().map_or(0, |database| database.connections),
            redis: service.redis,
            topics: broker_users().contains(service.name),
            publishes: !topics_of(service.name, &Topics::default()).is_empty(),
            calls: service.calls.iter().map(|call| call.to).collect(),
            callers: callers.map(|caller| caller.name).collect(),
            rpc_services: rpc_services.into_iter().collect(),
        }
    }
}

impl ApiFacts {
    fn new(api: &Api) -> Self {
        Self { port: api.port, protocol: if api.is_grpc { "grpc" } else { "http" } }
    }
}
