//! Which pod may connect to which port: by the policies of the overlay, and by the code.

use std::collections::BTreeSet;

use contracts::gateway::INTERNAL;
use operations::registry::SERVICES;
use platform::server::service::Service;
use serde_json::Value;

use super::{Objects, labels, list, name, selects};

/// From, to, and the port.
pub type Edge = (String, String, u16);

/// The stores of the overlay dev, each with its port.
const STORES: [(&str, u16); 3] = [("postgres", 5432), ("redis", 6379), ("kafka", 9092)];

/// The ports of each pod that another may want to reach: those of the Services, and the gateway's own metrics.
fn ports(objects: &Objects) -> Vec<(&Value, u16)> {
    let metrics = (objects.find("Deployment", "gateway"), 9902);
    let of_services = objects.of_kind("Service").flat_map(|service| {
        let pods = objects.workloads().find(|workload| labels(workload)["app.kubernetes.io/name"] == name(service));
        let pods = pods.unwrap_or_else(|| panic!("no pods for the Service {}", name(service)));
        list(&service["spec"]["ports"]).map(move |port| (pods, number(&port["port"])))
    });
    of_services.chain([metrics]).collect()
}

fn number(value: &Value) -> u16 {
    value.as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or_else(|| panic!("{value} is no port"))
}

/// The connections between the overlay's pods that its policies allow.
pub fn allowed(objects: &Objects) -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    for from in objects.workloads() {
        for (to, port) in ports(objects) {
            let (client, server) = (labels(from), labels(to));
            if opens(objects, "egress", "to", client, server, port)
                && opens(objects, "ingress", "from", server, client, port)
            {
                edges.insert((name(from).to_owned(), name(to).to_owned(), port));
            }
        }
    }
    edges
}

/// Returns true if a policy for pods with the labels `own` allows this port with pods that have the labels `other`.
fn opens(objects: &Objects, direction: &str, peers: &str, own: &Value, other: &Value, port: u16) -> bool {
    let policies = objects.of_kind("NetworkPolicy").filter(|policy| selects(&policy["spec"]["podSelector"], own));
    let mut rules = policies.flat_map(|policy| list(&policy["spec"][direction]));
    rules.any(|rule| {
        let is_peer = |peer: &Value| peer.get("podSelector").is_some_and(|selector| selects(selector, other));
        let is_port = |allowed: &Value| allowed["protocol"] != "UDP" && allowed["port"] == port;
        (rule.get(peers).is_none() || list(&rule[peers]).any(is_peer)) && list(&rule["ports"]).any(is_port)
    })
}

/// The connections that the code makes.
pub fn wanted() -> BTreeSet<Edge> {
    let edge = |from: &str, to: &str, port: u16| (from.to_owned(), to.to_owned(), port);
    let mut edges: BTreeSet<Edge> = STORES.iter().map(|(store, port)| edge("shipyard", store, *port)).collect();
    edges.insert(edge("kafka-acls", "kafka", 9092));
    edges.insert(edge("shipyard", "inventory", inventory::SERVICE.port));
    for service in SERVICES {
        let uses =
            [service.database.is_some(), service.redis, contracts::events::broker_users().contains(service.name)];
        let stores = STORES.iter().zip(uses).filter(|(_, uses)| *uses);
        edges.extend(stores.map(|((store, port), _)| edge(service.name, store, *port)));
        for call in service.calls {
            let callee = SERVICES.into_iter().find(|other| other.name == call.to).unwrap();
            edges.insert(edge(service.name, callee.name, called(service, callee)));
        }
        // Operations shows operators the state of each service.
        edges.insert(edge("operations", service.name, service.admin_port));
        if INTERNAL.contains(&service.name) {
            continue;
        }
        for api in service.apis() {
            edges.insert(edge("gateway", service.name, api.port));
            edges.insert(edge("shipyard", "gateway", api.port));
        }
        // The gateway asks whether a pod is ready.
        edges.insert(edge("gateway", service.name, service.admin_port));
    }
    edges
}

/// The port that one service calls of another. The console and operations are clients of order's HTTP API.
fn called(caller: &Service, to: &Service) -> u16 {
    let is_http = ["console", "operations"].contains(&caller.name) && to.name == "order";
    let listen = to.called_at();
    let apis = to.apis();
    let api = apis.iter().find(|api| if is_http { !api.is_grpc } else { api.listen == listen });
    api.map_or(to.port, |api| api.port)
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn an_edge_is_open_exactly_where_the_code_has_one() {
    let allowed = allowed(&Objects::of("dev"));
    let wanted = wanted();

    let closed: Vec<&Edge> = wanted.difference(&allowed).collect();
    let open: Vec<&Edge> = allowed.difference(&wanted).collect();
    assert!(closed.is_empty() && open.is_empty(), "closed though used: {closed:?}\nopen though unused: {open:?}");
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn nothing_else_is_open_by_default() {
    for overlay in ["dev", "production"] {
        let objects = Objects::of(overlay);
        let deny = &objects.find("NetworkPolicy", "default-deny")["spec"];
        assert_eq!(*deny, serde_json::json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] }), "{overlay}");
    }
}
