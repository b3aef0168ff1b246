//! Properties of the rendered objects that neither a schema nor the API server checks.

use std::collections::BTreeSet;

use operations::registry::SERVICES;
use platform::server::service::Service;
use serde_json::{Value, json};

use super::{NAMESPACE, Objects, containers, labels, list, name, pod, selects};
use crate::{
    repository::{read, root},
    variables::names,
};

const OVERLAYS: [&str; 2] = ["dev", "production"];
/// The services that no autoscaler scales: one replica of delivery moves the couriers, and the other two have little to
/// do.
const NOT_SCALED: [&str; 3] = ["delivery", "geo", "console"];
const SPREAD: [&str; 2] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"];
/// The connection limit of a database's user, which deploy/postgres/databases.sh sets.
const CONNECTIONS: u64 = 100;

fn example() -> String {
    read(&root().join(".env.example"))
}

fn default_of(variable: &str) -> u64 {
    let text = example();
    let mut lines = text.lines();
    let default = lines.find_map(|line| line.strip_prefix("# ")?.strip_prefix(variable)?.strip_prefix('='));
    default.unwrap_or_else(|| panic!("{variable} is not in .env.example")).parse().unwrap()
}

/// The settings that all services share.
fn settings(objects: &Objects) -> &Value {
    let found = objects.of_kind("ConfigMap").find(|map| name(map).starts_with("settings-"));
    &found.expect("the settings")["data"]
}

fn seconds(text: &Value) -> u64 {
    text.as_str().and_then(|text| text.strip_suffix('s')?.parse().ok()).unwrap_or_else(|| panic!("{text} is no time"))
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn a_consumer_never_has_more_replicas_than_partitions_nor_its_database_too_many_connections() {
    let objects = Objects::of("dev+keda");
    let (partitions, settings) = (default_of("KAFKA_TOPIC_PARTITIONS"), settings(&objects));
    let mut scaled: BTreeSet<&str> = BTreeSet::new();
    let bounds = objects
        .of_kind("HorizontalPodAutoscaler")
        .map(|object| (object, ["minReplicas", "maxReplicas"]))
        .chain(objects.of_kind("ScaledObject").map(|object| (object, ["minReplicaCount", "maxReplicaCount"])));
    for (object, names) in bounds {
        let target = object["spec"]["scaleTargetRef"]["name"].as_str().unwrap();
        let [min, max] = names.map(|name| object["spec"][name].as_u64().unwrap());
        assert!(min == 2 && max <= partitions, "{target}: {min} to {max} replicas, {partitions} partitions");
        assert!(scaled.insert(target), "{target} is scaled twice");
        let advanced = &object["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"];
        let behavior = object["spec"].get("behavior").unwrap_or(advanced);
        assert_eq!(behavior["scaleDown"]["stabilizationWindowSeconds"], 300, "{target}");
        for metric in list(&object["spec"]["metrics"]) {
            let processors = json!({ "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } });
            assert_eq!(metric["resource"], processors, "{target}");
        }
        assert!(objects.find("Deployment", target)["spec"].get("replicas").is_none(), "{target}: each apply scales it");
        if let Some(service) = SERVICES.into_iter().find(|service| service.name == target && service.database.is_some())
        {
            let variable = service.variable("DATABASE_CONNECTIONS");
            let pool = settings[&variable].as_str().map_or_else(|| default_of(&variable), |set| set.parse().unwrap());
            // One more replica during an update; two more connections watch the server and the outbox.
            let connections = (max + 1) * (pool + 2);
            assert!(connections <= CONNECTIONS, "{target}: {connections} connections");
        }
    }
    let wanted = SERVICES.into_iter().map(|service| service.name).filter(|name| !NOT_SCALED.contains(name));
    let wanted: BTreeSet<&str> = wanted.chain(["gateway"]).collect();
    assert_eq!(scaled, wanted);
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn each_pod_has_one_budget_which_leaves_room_for_an_eviction() {
    for overlay in OVERLAYS {
        let objects = Objects::of(overlay);
        let names: Vec<&str> = SERVICES.into_iter().map(|service| service.name).chain(["gateway"]).collect();
        for workload in objects.workloads() {
            let own: Vec<&Value> = objects
                .of_kind("PodDisruptionBudget")
                .filter(|budget| selects(&budget["spec"]["selector"], labels(workload)))
                .collect();
            assert_eq!(own.len(), usize::from(names.contains(&name(workload))), "{overlay}: {}", name(workload));
            for budget in own {
                let spec = &budget["spec"];
                assert_eq!((&spec["maxUnavailable"], spec.get("minAvailable")), (&json!(1), None), "{budget}");
                assert_eq!(spec["unhealthyPodEvictionPolicy"], "AlwaysAllow", "{budget}");
            }
        }
    }
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn ports_and_probes_are_those_of_the_code() {
    let objects = Objects::of("production");
    for service in SERVICES {
        let found = &objects.find("Service", service.name)["spec"];
        assert_eq!(
            (&found["clusterIP"], &found["publishNotReadyAddresses"]),
            (&json!("None"), &json!(true)),
            "{service}"
        );
        let ports: BTreeSet<(u64, &str)> = list(&found["ports"])
            .map(|port| (port["port"].as_u64().unwrap(), port["appProtocol"].as_str().unwrap()))
            .collect();
        let protocol = |is_grpc| if is_grpc { "kubernetes.io/h2c" } else { "http" };
        let apis = service.apis();
        let wanted = apis.iter().map(|api| (u64::from(api.port), protocol(api.is_grpc)));
        let wanted: BTreeSet<(u64, &str)> = wanted.chain([(u64::from(service.admin_port), "http")]).collect();
        assert_eq!(ports, wanted, "{service}");

        let container = &pod(objects.find("Deployment", service.name))["containers"][0];
        let has_port = |port: &Value, name: &str| {
            list(&container["ports"]).any(|own| own["name"] == name && own["containerPort"] == *port)
        };
        for port in list(&found["ports"]) {
            assert!(has_port(&port["port"], port["targetPort"].as_str().unwrap()), "{service}: {port}");
        }
        for (probe, path) in [("startupProbe", "live"), ("livenessProbe", "live"), ("readinessProbe", "ready")] {
            let get = json!({ "path": format!("/health/{path}"), "port": "admin" });
            assert_eq!(container[probe]["httpGet"], get, "{service}: {probe}");
        }
    }
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn a_stop_ends_within_its_grace_and_each_container_has_bounds() {
    for overlay in OVERLAYS {
        let objects = Objects::of(overlay);
        // Requests have 10 s, background tasks 3 s, and connections 1 s: `SHUTDOWN_DRAIN` in .env.example.
        let stop = seconds(&settings(&objects)["SHUTDOWN_DRAIN"]) + 10 + 3 + 1;
        for workload in objects.workloads() {
            let of = format!("{overlay}: {}", name(workload));
            if SERVICES.into_iter().any(|service| service.name == name(workload)) {
                assert!(pod(workload)["terminationGracePeriodSeconds"].as_u64().unwrap() > stop, "{of}");
            }
            for container in containers(workload) {
                for (bound, resource) in
                    [("requests", "cpu"), ("requests", "memory"), ("limits", "cpu"), ("limits", "memory")]
                {
                    assert!(container["resources"][bound][resource].is_string(), "{of}: {bound} of {resource}");
                }
            }
        }
    }
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn no_pod_has_more_rights_than_it_needs() {
    for overlay in OVERLAYS {
        for workload in Objects::of(overlay).workloads() {
            let (of, pod) = (format!("{overlay}: {}", name(workload)), pod(workload));
            for (member, value) in
                [("hostUsers", false), ("automountServiceAccountToken", false), ("enableServiceLinks", false)]
            {
                assert_eq!(pod[member], value, "{of}: {member}");
            }
            let context = &pod["securityContext"];
            assert_eq!(context["runAsNonRoot"], true, "{of}");
            let is_store = labels(workload)["app.kubernetes.io/component"] == "store";
            assert!(is_store || context["runAsUser"] == 65532, "{of}: {context}");
            assert_eq!(context["seccompProfile"], json!({ "type": "RuntimeDefault" }), "{of}");
            let wanted = json!({
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] }
            });
            for container in containers(workload) {
                assert_eq!(container["securityContext"], wanted, "{of}");
            }
        }
    }
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn replicas_are_spread_over_hosts_and_zones() {
    for overlay in OVERLAYS {
        let objects = Objects::of(overlay);
        for workload in SERVICES.into_iter().map(|service| service.name).chain(["gateway"]) {
            let pod = pod(objects.find("Deployment", workload));
            let spread: BTreeSet<&str> = list(&pod["topologySpreadConstraints"])
                .filter(|spread| spread["matchLabelKeys"] == json!(["pod-template-hash"]))
                .filter_map(|spread| spread["topologyKey"].as_str())
                .collect();
            assert_eq!(spread, BTreeSet::from(SPREAD), "{overlay}: {workload}");
        }
    }
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn every_variable_is_documented_and_every_pod_labelled() {
    let known: BTreeSet<String> =
        names(&example()).into_iter().flat_map(|name| [format!("{name}_FILE"), name]).collect();
    for overlay in OVERLAYS {
        let objects = Objects::of(overlay);
        let shop = objects.workloads().flat_map(containers).filter(|container| {
            container["image"]
                .as_str()
                .is_some_and(|image| image.contains("/shipyard-") || image.starts_with("envoyproxy/"))
        });
        let variables =
            shop.flat_map(|container| list(&container["env"])).filter_map(|variable| variable["name"].as_str());
        let settings = settings(&objects).as_object().unwrap().keys().map(String::as_str);
        let unknown: BTreeSet<&str> = variables.chain(settings).filter(|name| !known.contains(*name)).collect();
        assert!(unknown.is_empty(), "{overlay}: not in .env.example: {unknown:?}");
        for workload in objects.workloads() {
            assert_eq!(labels(workload)["app.kubernetes.io/name"], name(workload), "{overlay}");
            assert_eq!(workload["metadata"]["labels"]["app.kubernetes.io/name"], name(workload), "{overlay}");
        }
    }
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn every_object_is_the_shops_and_in_its_namespace() {
    for combination in ["dev+keda", "production+ingress", "production+policies"] {
        for object in Objects::of(combination).all() {
            let (kind, metadata) = (object["kind"].as_str().unwrap(), &object["metadata"]);
            assert_eq!(metadata["labels"]["app.kubernetes.io/part-of"], "shipyard", "{combination}: {object}");
            assert!(metadata["labels"]["app.kubernetes.io/name"].is_string(), "{combination}: {object}");
            let level = "pod-security.kubernetes.io/enforce";
            assert!(kind != "Namespace" || metadata["labels"][level] == "restricted", "{combination}: {object}");
            let has_namespace = kind != "Namespace" && !kind.starts_with("ValidatingAdmissionPolicy");
            assert_eq!(metadata["namespace"] == NAMESPACE, has_namespace, "{combination}: {object}");
        }
    }
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn production_has_no_secret_and_names_each_image_by_its_digest() {
    let objects = Objects::of("production");

    assert_eq!(objects.of_kind("Secret").count(), 0);
    assert_eq!(settings(&objects)["SHIPYARD_ENVIRONMENT"], "production");
    for container in objects.workloads().flat_map(containers) {
        let image = container["image"].as_str().unwrap();
        assert!(image.split_once("@sha256:").is_some_and(|(_, digest)| digest.len() == 64), "{image}");
    }
    let blanks = read(&root().join("deploy/k8s/overlays/production/blanks.yaml"));
    let (_, blanks) = blanks.split_once("\ndata:\n").unwrap();
    let count = blanks.lines().filter(|line| line.contains(": ") && !line.contains('#')).count();
    assert!((1..=10).contains(&count), "{count} values to fill in");
}

#[test]
#[ignore = "needs kubectl: scripts/kubernetes"]
fn each_service_has_its_objects_and_may_reach_what_it_is_told_the_address_of() {
    let objects = Objects::of("dev");
    for service in SERVICES {
        let Service { name, .. } = service;
        for kind in ["ServiceAccount", "Service", "Deployment", "PodDisruptionBudget", "NetworkPolicy"] {
            objects.find(kind, name);
        }
        let container = &pod(objects.find("Deployment", name))["containers"][0];
        let addresses = list(&container["env"])
            .filter(|variable| variable["name"].as_str().is_some_and(|name| name.ends_with("_ADDRESS")));
        let told: BTreeSet<&str> =
            addresses.filter_map(|address| address["value"].as_str()?.split(':').next()).collect();
        let calls: BTreeSet<&str> = service.calls.iter().map(|call| call.to).collect();
        assert_eq!(told, calls, "{name}");
    }
}
