//! A real API server takes the overlays, and refuses what it should.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    NAMESPACE, Objects,
    cluster::{Cluster, within},
    name,
};

/// Every overlay and every component.
const COMBINATIONS: [&str; 4] = ["dev+keda", "dev+ingress", "production+keda+policies", "production+ingress"];
/// Controllers and the deletion of a namespace need some seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// One test, since all use the same namespace.
#[test]
#[ignore = "needs a cluster: .ci/kubernetes"]
fn the_overlays_are_taken_without_a_warning_and_leave_nothing() {
    let cluster = Cluster::new();
    for combination in COMBINATIONS {
        cluster.apply(combination);
        each_workload_gets_its_pods(&cluster, &Objects::of(combination));
        cluster.apply(combination);
        let difference = cluster.try_kubectl(&["diff", "--kustomize", &super::cluster::folder(combination)], "");
        assert!(difference.success, "{combination}: {}{}", difference.output, difference.complaint);
        if combination.starts_with("dev") {
            what_is_wrong_is_refused(&cluster, &Objects::of(combination));
        } else if combination.contains("policies") {
            the_policies_refuse_what_they_are_for(&cluster);
        }
        cluster.delete(combination);
        within(PATIENCE, || {
            let left = cluster.try_kubectl(&["get", "namespace", NAMESPACE], "");
            if left.success { Err("the namespace is still there".to_owned()) } else { Ok(()) }
        });
        let left = cluster.kubectl(&["get", "validatingadmissionpolicies", "--output", "name"]);
        assert!(!left.contains("shipyard"), "{left}");
    }
}

/// Admission in the restricted namespace takes the pods of every workload.
fn each_workload_gets_its_pods(cluster: &Cluster, objects: &Objects) {
    within(PATIENCE, || {
        let pods = cluster.get("pods");
        let of = |workload: &Value| {
            let own = |pod: &&Value| pod["metadata"]["labels"]["app.kubernetes.io/name"] == name(workload);
            pods.iter().filter(own).count()
        };
        let lacking: Vec<&str> = objects.workloads().filter(|workload| of(workload) == 0).map(name).collect();
        if lacking.is_empty() { Ok(()) } else { Err(format!("no pods of {lacking:?}: {}", events(cluster))) }
    });
}

fn events(cluster: &Cluster) -> String {
    let failed = |event: &Value| event["reason"] == "FailedCreate";
    let events = cluster.get("events").into_iter().filter(failed);
    events.map(|event| event["message"].to_string()).collect::<Vec<_>>().join("\n")
}

/// Sends the object, changed, as a new one, in a dry run: the server validates it and stores nothing.
fn try_changed(cluster: &Cluster, object: &Value, change: impl FnOnce(&mut Value)) -> (bool, String) {
    let mut object = object.clone();
    object["metadata"]["name"] = json!("changed");
    change(&mut object);
    let said = cluster
        .try_kubectl(&["create", "--dry-run=server", "--validate=strict", "--filename", "-"], &object.to_string());
    (said.success, said.complaint)
}

fn what_is_wrong_is_refused(cluster: &Cluster, objects: &Objects) {
    let order = |kind| objects.find(kind, "order");
    let (taken, complaint) = try_changed(cluster, order("HorizontalPodAutoscaler"), |_| {});
    assert!(taken && complaint.is_empty(), "{complaint}");
    let refused = |object: &Value, path: &str, value: Value, why: &str| {
        let (taken, complaint) = try_changed(cluster, object, |object| {
            let (parent, member) = path.rsplit_once('/').unwrap();
            object.pointer_mut(parent).unwrap()[member] = value;
        });
        assert!(!taken && complaint.contains(why), "{path}: {complaint}");
    };
    refused(order("Service"), "/spec/ports/0/port", json!(99999), "must be between 1 and 65535");
    refused(
        order("Deployment"),
        "/spec/selector/matchLabels",
        json!({ "app.kubernetes.io/name": "other" }),
        "does not match",
    );
    refused(
        order("HorizontalPodAutoscaler"),
        "/spec/minReplicas",
        json!(7),
        "must be greater than or equal to `minReplicas`",
    );
    refused(order("Deployment"), "/spec/template/spec/containers/0/livenesProbe", json!({}), "unknown field");
    if objects.of_kind("HTTPRoute").next().is_some() {
        let route = objects.find("HTTPRoute", "shop");
        refused(route, "/spec/rules/0/backendRefs/0/port", json!(99999), "should be less than or equal to 65535");
    }
    // The server only warns about such a Deployment; it refuses the pod.
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "any", "namespace": NAMESPACE },
        "spec": { "containers": [{ "name": "any", "image": "any:1" }] }
    });
    let (taken, complaint) = try_changed(cluster, &pod, |_| {});
    assert!(!taken && complaint.contains("violates PodSecurity \"restricted"), "{complaint}");
}

fn the_policies_refuse_what_they_are_for(cluster: &Cluster) {
    let hash = format!("sha256:{}", "0".repeat(64));
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "any", "namespace": NAMESPACE },
        "spec": {
            "hostUsers": false, "automountServiceAccountToken": false,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "any", "image": format!("any@{hash}"), "resources": { "limits": { "memory": "1Mi" } },
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] }
                }
            }]
        }
    });
    let (taken, complaint) = try_changed(cluster, &pod, |_| {});
    assert!(taken && complaint.is_empty(), "{complaint}");
    let cases = [
        ("/spec/containers/0/image", json!("any:1"), "not named by its digest"),
        ("/spec/containers/0/image", json!(format!("any:latest@{hash}")), "the version latest"),
        ("/spec/hostUsers", json!(true), "shares the user ids"),
        ("/spec/automountServiceAccountToken", json!(true), "a token of the API server"),
        ("/spec/containers/0/securityContext/readOnlyRootFilesystem", json!(false), "can write its own files"),
        ("/spec/containers/0/resources", json!({}), "no limit of memory"),
    ];
    for (path, value, why) in cases {
        within(PATIENCE, || {
            let (taken, complaint) = try_changed(cluster, &pod, |pod| *pod.pointer_mut(path).unwrap() = value.clone());
            if !taken && complaint.contains(why) { Ok(()) } else { Err(format!("{path}: {complaint}")) }
        });
    }
    // The images of dev have tags.
    let dev = Objects::of("dev");
    let (taken, complaint) = try_changed(cluster, dev.find("Deployment", "order"), |_| {});
    assert!(!taken && complaint.contains("not named by its digest"), "{complaint}");
}
