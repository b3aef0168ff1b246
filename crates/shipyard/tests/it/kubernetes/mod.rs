//! deploy/k8s: the objects that it makes, an API server that takes them, and a node that runs them.
//! `scripts/kubernetes` installs kubectl; `TEST_KUBECONFIG` names a cluster, which .ci/kubernetes starts.

mod cluster;
mod edges;
mod node;
mod objects;
mod server;

use std::process::Command;

use serde_json::Value;

use crate::repository::root;

pub const NAMESPACE: &str = "shipyard";

/// Runs `scripts/kubernetes`, and returns its output.
fn script(arguments: [&str; 2]) -> String {
    let output = Command::new(root().join("scripts/kubernetes")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The objects of an overlay, alone or with components, such as `production+policies`.
pub struct Objects(Vec<Value>);

impl Objects {
    pub fn of(name: &str) -> Self {
        Self(serde_json::from_str(&script(["json", name])).unwrap())
    }

    pub fn all(&self) -> &[Value] {
        &self.0
    }

    pub fn of_kind<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    pub fn find(&self, kind: &str, name: &str) -> &Value {
        let found = self.of_kind(kind).find(|object| self::name(object) == name);
        found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
    }

    /// The objects that create pods: Deployments, StatefulSets and Jobs.
    pub fn workloads(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(|object| object["spec"]["template"]["spec"]["containers"].is_array())
    }
}

pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// The specification of a workload's pods.
pub fn pod(workload: &Value) -> &Value {
    &workload["spec"]["template"]["spec"]
}

/// The labels of a workload's pods.
pub fn labels(workload: &Value) -> &Value {
    &workload["spec"]["template"]["metadata"]["labels"]
}

/// A list in an object; empty if there is none.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The containers of a workload's pods, those that start them first.
pub fn containers(workload: &Value) -> impl Iterator<Item = &Value> {
    list(&pod(workload)["initContainers"]).chain(list(&pod(workload)["containers"]))
}

/// Returns true if the selector is for pods with these labels.
pub fn selects(selector: &Value, labels: &Value) -> bool {
    let mut equal = selector["matchLabels"].as_object().into_iter().flatten();
    equal.all(|(key, value)| labels[key] == *value)
        && list(&selector["matchExpressions"]).all(|expression| {
            assert_eq!(expression["operator"], "In", "this test knows no other: {expression}");
            list(&expression["values"]).any(|value| labels[expression["key"].as_str().unwrap()] == *value)
        })
}
