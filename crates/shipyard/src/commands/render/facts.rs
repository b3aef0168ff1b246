//! The values that templates use: the services, the gateway's routes, the events with their topics, and the metrics.

use std::collections::BTreeSet;

use anyhow::Context as _;
use contracts::{
    events::{self, Key, Route, Topics, broker_users},
    gateway::{INTERNAL, ROUTES},
};
use operations::{facts::TIME_LIMITS, registry::SERVICES};
use platform::{
    server::service::Service,
    telemetry::metric::{METRICS, Metric},
};
use serde_json::{Value, json};

use crate::commands::up::OF_OPERATORS;

/// Returns the variables of all templates.
pub fn all() -> anyhow::Result<Value> {
    let topics = Topics::default();
    let services: Vec<Value> = SERVICES.into_iter().map(service).collect();
    // The RPCs that the gateway serves over HTTP.
    let routes = ROUTES.iter().map(|route| {
        let (rpc_service, _) = route.rpc[1..].split_once('/').context("an RPC has the form /package.Service/Rpc")?;
        let service = SERVICES.into_iter().find(|service| rpc_services(service).contains(rpc_service));
        let service = service.with_context(|| format!("no service has a rule for {}", route.rpc))?;
        let (verb, path, rpc, open) = (route.verb, route.path, route.rpc, route.is_open);
        Ok(json!({
            "verb": verb, "path": path, "rpc": rpc, "open": open, "service": service.name, "pattern": pattern(path),
        }))
    });
    // The topics that programs outside write as the broker's user `outside`; a service may be a producer, too.
    let inbound = events::INBOUND.iter().map(|inbound| {
        let (name, consumer) = (inbound.topic(&topics), inbound.consumer);
        json!({
            "name": name, "outside": inbound.outside, "producer": inbound.producer,
            "service": consumer.service, "group": consumer.group,
        })
    });
    let own = SERVICES.into_iter().filter(|service| !service.metrics.is_empty());
    let own = own.map(|service| metrics(service.name, service.metrics));
    let metrics: Vec<Value> = [metrics("Every service", METRICS)].into_iter().chain(own).collect();
    let names = topics.variables().map(|(variable, name)| json!({ "name": name, "variable": variable }));
    let events = events::ROUTES.iter().map(|route| event(route, &topics));
    Ok(json!({
        "services": services,
        "routes": routes.collect::<anyhow::Result<Vec<Value>>>()?,
        "topics": names.collect::<Vec<Value>>(),
        "version": env!("CARGO_PKG_VERSION"),
        "events": events.collect::<Vec<Value>>(),
        "inbound": inbound.collect::<Vec<Value>>(),
        "metrics": metrics,
        // The services' variables that audits and receipts read, and those of iam that `shipyard operator` reads.
        "time_limits": TIME_LIMITS,
        "of_operators": OF_OPERATORS,
    }))
}

fn service(service: &'static Service) -> Value {
    let apis = service.apis();
    let called = service.called_at();
    let called_port = apis.iter().find(|api| api.listen == called).map_or(service.port, |api| api.port);
    let callers = SERVICES.into_iter().filter(|other| other.calls.iter().any(|call| call.to == service.name));
    let apis = apis.iter().map(|api| {
        let protocol = if api.is_grpc { "grpc" } else { "http" };
        json!({ "port": api.port, "protocol": protocol })
    });
    json!({
        "name": service.name,
        // The prefix of its variables.
        "prefix": service.name.to_uppercase(),
        "about": service.about,
        // The first API first.
        "apis": apis.collect::<Vec<_>>(),
        // The port that other services call: the gRPC API's if there is one.
        "called_port": called_port,
        "admin_port": service.admin_port,
        // True if the gateway serves its APIs.
        "public": !INTERNAL.contains(&service.name),
        "database": service.database.is_some(),
        // The default size of its pool; 0 without a database.
        "connections": service.database.as_ref().map_or(0, |database| database.connections),
        "redis": service.redis,
        // True if it is a user of the broker.
        "topics": broker_users().contains(service.name),
        "calls": service.calls.iter().map(|call| call.to).collect::<Vec<_>>(),
        "callers": callers.map(|caller| caller.name).collect::<Vec<_>>(),
        "rpc_services": rpc_services(service),
    })
}

/// Returns the gRPC services that it serves, such as `auth.v1.AuthService`.
fn rpc_services(service: &Service) -> BTreeSet<&'static str> {
    let rules = (service.rules)();
    let methods = rules.iter().flat_map(|table| table.iter()).map(|rule| rule.method);
    methods.filter_map(|method| Some(method.strip_prefix('/')?.split_once('/')?.0)).collect()
}

fn event(route: &Route, topics: &Topics) -> Value {
    let name = route.kind.rsplit('.').next().unwrap_or(route.kind);
    let key = match route.key {
        Key::Order => "order",
        Key::Customer => "customer",
        Key::User => "user",
    };
    json!({
        "name": name,
        "topic": route.topic(topics),
        // The kind of object that its key identifies.
        "key": key,
        "producer": route.producer,
        "consumers": route.consumers.iter().map(|consumer| consumer.service).collect::<Vec<_>>(),
    })
}

fn metrics(title: &str, metrics: &[Metric]) -> Value {
    let metrics = metrics.iter().map(|&Metric { name, kind, labels, meaning }| {
        json!({ "name": name, "kind": kind.as_str(), "labels": labels, "meaning": meaning })
    });
    json!({ "title": title, "metrics": metrics.collect::<Vec<_>>() })
}

/// Returns the regular expression of a path with fields in braces, each of which is one segment of the path.
fn pattern(path: &str) -> Option<String> {
    let part = |part: &str| if part.starts_with('{') { "[^/]+".to_owned() } else { part.replace('.', "[.]") };
    path.contains('{').then(|| path.split('/').map(part).collect::<Vec<_>>().join("/"))
}
