//! A cluster: kubectl with `TEST_KUBECONFIG`.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::script;
use crate::repository::root;

pub struct Cluster {
    kubeconfig: String,
}

/// The result of a run of kubectl.
pub struct Said {
    pub success: bool,
    pub output: String,
    /// Warnings and errors.
    pub complaint: String,
}

impl Cluster {
    pub fn new() -> Self {
        let kubeconfig =
            std::env::var("TEST_KUBECONFIG").expect("TEST_KUBECONFIG names a cluster: .ci/kubernetes starts one");
        Self { kubeconfig }
    }

    pub fn try_kubectl(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = Command::new(root().join("target/tools/kubernetes/bin/kubectl"));
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments).current_dir(root());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("scripts/kubernetes installs kubectl");
        // kubectl may end before it has read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { success: output.status.success(), output: text(&output.stdout), complaint: text(&output.stderr) }
    }

    /// Returns the output. Panics if kubectl fails or warns of something.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let Said { success, output, complaint } = self.try_kubectl(arguments, "");
        assert!(success && complaint.is_empty(), "kubectl {}: {complaint}", arguments.join(" "));
        output
    }

    /// The objects of a kind in the namespace.
    pub fn get(&self, kind: &str) -> Vec<Value> {
        let said = self.kubectl(&["-n", super::NAMESPACE, "get", kind, "--output", "json"]);
        let mut found: Value = serde_json::from_str(&said).unwrap();
        serde_json::from_value(found["items"].take()).unwrap()
    }

    /// Applies an overlay, alone or with components.
    pub fn apply(&self, name: &str) -> String {
        self.kubectl(&["apply", "--kustomize", &folder(name)])
    }

    pub fn delete(&self, name: &str) {
        let said = self.try_kubectl(&["delete", "--ignore-not-found", "--kustomize", &folder(name)], "");
        assert!(said.success, "{}", said.complaint);
    }
}

pub fn folder(name: &str) -> String {
    script(["folder", name]).trim().to_owned()
}

/// Waits until `probe` returns something; panics after `limit` with what it lacks.
pub fn within<T>(limit: Duration, mut probe: impl FnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        match probe() {
            Ok(found) => return found,
            Err(lacks) => assert!(begun.elapsed() < limit, "after {limit:?}: {lacks}"),
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
