//! A real node runs the overlay dev. `.ci/kubernetes` starts one, loads the images, and brings the gateway's ports to
//! this machine; `TEST_GATEWAY` names another host that has them.

use std::{collections::BTreeSet, time::Duration};

use drive::load::{Crowd, Options, Plan};
use operations::registry::SERVICES;
use serde_json::{Value, json};

use super::{
    NAMESPACE,
    cluster::{Cluster, Said, within},
    edges::wanted,
    list, name,
};

const READY_WITHIN: Duration = Duration::from_mins(3);
/// The time limit for a Deployment to be rolled or to change its size.
const CHANGED_WITHIN: Duration = Duration::from_mins(4);
/// After its load is gone, an autoscaler waits five minutes, and then removes one pod a minute.
const SMALLER_WITHIN: Duration = Duration::from_mins(15);
/// A pod is ready once it belongs to its group, but its partitions may still be moving to it while it is new, so a ship
/// may take longer than the 11 s that are promised.
const DEMO: [&str; 3] = ["demo", "--assembled-within", "40"];
const EVERY_KIND: &str = "create=3,pay=2,cancel=1,get=3,list=2,whoami=2,parts=2";

impl Cluster {
    /// The namespace's kubectl.
    fn shop(&self, arguments: &[&str]) -> String {
        self.kubectl(&[&["--namespace", NAMESPACE][..], arguments].concat())
    }

    /// Applies the overlay, and waits until it runs.
    fn running() -> Self {
        let cluster = Self::new();
        cluster.apply("dev");
        within(READY_WITHIN, || cluster.is_ready());
        cluster
    }

    /// The pods that run permanently and are not about to end.
    fn pods(&self) -> Vec<Value> {
        let pods = self.get("pods").into_iter();
        let stays = |pod: &Value| {
            pod["metadata"].get("deletionTimestamp").is_none()
                && pod["metadata"]["labels"]["app.kubernetes.io/component"] != "job"
        };
        pods.filter(stays).collect()
    }

    fn pods_of(&self, workload: &str) -> Vec<String> {
        let pods = self.pods();
        let own = pods.iter().filter(|pod| pod["metadata"]["labels"]["app.kubernetes.io/name"] == workload);
        own.map(|pod| name(pod).to_owned()).collect()
    }

    fn is_ready(&self) -> Result<(), String> {
        for scaler in self.get("horizontalpodautoscalers") {
            let (target, min) = (&scaler["spec"]["scaleTargetRef"]["name"], scaler["spec"]["minReplicas"].as_u64());
            if self.pods_of(target.as_str().unwrap_or_default()).len()
                < min.and_then(|min| usize::try_from(min).ok()).unwrap_or(1)
            {
                return Err(format!("{target} has too few pods"));
            }
        }
        let waiting: Vec<String> =
            self.pods().iter().filter(|pod| !is_ready(pod)).map(|pod| name(pod).to_owned()).collect();
        if waiting.is_empty() { Ok(()) } else { Err(format!("not ready: {waiting:?}")) }
    }

    /// Runs the tool in its pod.
    fn tool(&self, arguments: &[&str]) {
        let all = [&["--namespace", NAMESPACE, "exec", "deploy/shipyard", "--", "shipyard"][..], arguments].concat();
        let Said { success, output, complaint } = self.try_kubectl(&all, "");
        assert!(success, "shipyard {}: {output}\n{complaint}", arguments.join(" "));
    }

    fn roll(&self, arguments: &[&str], deployment: &str) {
        let deployment = format!("deployment/{deployment}");
        // kubectl warns that the next `apply` is to be another one.
        let all = [&["--namespace", NAMESPACE][..], arguments, &[deployment.as_str()][..]].concat();
        let Said { success, complaint, .. } = self.try_kubectl(&all, "");
        assert!(success, "{complaint}");
        self.shop(&["rollout", "status", &deployment, &format!("--timeout={}s", CHANGED_WITHIN.as_secs())]);
    }

    fn until_there_are(&self, limit: Duration, workload: &str, enough: impl Fn(usize) -> bool) {
        within(limit, || {
            self.is_ready()?;
            let count = self.pods_of(workload).len();
            if enough(count) { Ok(()) } else { Err(format!("{count} pods of {workload}")) }
        });
    }
}

fn is_ready(pod: &Value) -> bool {
    list(&pod["status"]["conditions"]).any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn restarts(pod: &Value) -> u64 {
    let statuses = list(&pod["status"]["initContainerStatuses"]).chain(list(&pod["status"]["containerStatuses"]));
    statuses.filter_map(|status| status["restartCount"].as_u64()).sum()
}

/// Sends traffic through the gateway until `work` is done. Returns how many requests failed, and of how many.
async fn under_load(mix: &str, rate: u32, work: impl FnOnce() + Send + 'static) -> (u64, u64) {
    Cluster::new().tool(&["restock", "--quantity", "100000"]);
    let host = std::env::var("TEST_GATEWAY").unwrap_or_else(|_| "127.0.0.1".to_owned());
    let at = |port: u16| format!("{host}:{port}");
    let addresses = client::addresses::ShopAddresses {
        order: at(order::SERVICE.port),
        iam: at(iam::SERVICE.port),
        inventory: at(inventory::SERVICE.port),
        trust: client::trust::Trust::default(),
    };
    let options = Options { addresses, users: 20, connections: 32, kinds_of_parts: None };
    let crowd = Crowd::gather(&options).await.unwrap();
    let (warm_up, length) = (Duration::from_secs(1), Duration::from_secs(20));
    let plan = Plan { rate, mix: mix.parse().unwrap(), warm_up, length, ..Plan::default() };
    let working = tokio::task::spawn_blocking(work);
    let (mut failed, mut operations) = (0, 0);
    loop {
        let is_last = working.is_finished();
        let report = crowd.measure(&plan).await.unwrap();
        if report.figures.all.tally.failed > 0 {
            println!("{report}");
        }
        failed += report.figures.all.tally.failed;
        operations += report.figures.all.tally.operations;
        if is_last {
            break;
        }
    }
    working.await.unwrap();
    crowd.tidy().await;
    println!("{failed} of {operations} requests failed");
    (failed, operations)
}

#[test]
#[ignore = "needs a node: .ci/kubernetes"]
fn the_shop_is_ready_within_three_minutes_without_a_restart_and_sells_ships() {
    let cluster = Cluster::running();

    let restarted: Vec<String> =
        cluster.get("pods").iter().filter(|pod| restarts(pod) > 0).map(|pod| name(pod).to_owned()).collect();
    assert!(restarted.is_empty(), "{restarted:?}");
    cluster.tool(&DEMO);
    cluster.tool(&["audit", "--wait", "2m"]);
}

#[tokio::test]
#[ignore = "needs a node: .ci/kubernetes"]
async fn a_roll_of_each_deployment_and_back_fails_no_request() {
    let cluster = Cluster::running();
    let failed = under_load(EVERY_KIND, 20, move || {
        for deployment in SERVICES.into_iter().map(|service| service.name).chain(["gateway"]) {
            cluster.roll(&["rollout", "restart"], deployment);
        }
        cluster.roll(&["rollout", "undo"], "order");
    });

    assert_eq!(failed.await.0, 0);
}

#[tokio::test]
#[ignore = "needs a node: .ci/kubernetes"]
async fn killed_pods_and_a_new_database_pod_lose_nothing() {
    let cluster = Cluster::running();
    let failed = under_load(EVERY_KIND, 20, || {
        let cluster = Cluster::new();
        for service in SERVICES {
            let pod = cluster.pods_of(service.name).swap_remove(0);
            // kubectl warns that the pod may still run elsewhere.
            cluster.try_kubectl(&["--namespace", NAMESPACE, "delete", "pod", &pod, "--grace-period=0", "--force"], "");
            within(CHANGED_WITHIN, || cluster.is_ready());
        }
        cluster.shop(&["delete", "pod", "postgres-0"]);
        within(CHANGED_WITHIN, || cluster.is_ready());
    });

    // Requests whose outcome is unknown, and those of the seconds without a database; customers retry them.
    let (failed, operations) = failed.await;
    assert!(failed * 50 < operations, "{failed} of {operations}");
    cluster.tool(&["audit", "--wait", "5m"]);
}

#[tokio::test]
#[ignore = "needs a node: .ci/kubernetes"]
async fn order_scales_up_with_its_load_and_down_again() {
    let cluster = Cluster::running();
    // A node of two cores has no room for six pods of everything.
    for other in ["gateway", "iam"] {
        cluster.shop(&["patch", "horizontalpodautoscaler", other, "--patch", r#"{"spec":{"maxReplicas":3}}"#]);
    }
    let failed = under_load("create=1,get=2", 80, || {
        Cluster::new().until_there_are(CHANGED_WITHIN, "order", |count| count > 2);
    });

    assert_eq!(failed.await.0, 0);
    let failed =
        under_load(EVERY_KIND, 5, move || cluster.until_there_are(SMALLER_WITHIN, "order", |count| count == 2));
    assert_eq!(failed.await.0, 0);
    Cluster::new().apply("dev");
}

#[tokio::test]
#[ignore = "needs a node: .ci/kubernetes"]
async fn assembly_scales_from_two_to_four_and_back_without_a_double_effect() {
    let cluster = Cluster::running();
    let failed = under_load(EVERY_KIND, 20, || {
        let cluster = Cluster::new();
        for (replicas, bounds) in
            [(4, r#"{"spec":{"minReplicas":4}}"#), (2, r#"{"spec":{"minReplicas":2,"maxReplicas":2}}"#)]
        {
            cluster.shop(&["patch", "horizontalpodautoscaler", "assembly", "--patch", bounds]);
            cluster.until_there_are(CHANGED_WITHIN, "assembly", |count| count == replicas);
        }
    });

    assert_eq!(failed.await.0, 0);
    // The audit waits until every paid ship is built, so that assembly has no lag left.
    cluster.tool(&["audit", "--wait", "5m"]);
    cluster.apply("dev");
}

#[test]
#[ignore = "needs a node: .ci/kubernetes"]
fn from_a_pods_network_only_the_edges_of_the_code_are_open() {
    let cluster = Cluster::running();
    let wanted = wanted();
    let targets: BTreeSet<(String, u16)> = cluster
        .get("services")
        .iter()
        .flat_map(|service| {
            list(&service["spec"]["ports"]).map(move |port| (name(service).to_owned(), port["port"].clone()))
        })
        .map(|(name, port)| (name, port.as_u64().and_then(|port| u16::try_from(port).ok()).unwrap()))
        .collect();
    let workloads = targets.iter().map(|(name, _)| name.as_str()).chain(["shipyard"]);
    for from in workloads.collect::<BTreeSet<_>>() {
        // A pod reaches itself.
        let others = || targets.iter().filter(move |(to, _)| to != from);
        let tries = others().map(|(to, port)| {
            format!("(timeout 3 bash -c 'exec 3<>/dev/tcp/{to}/{port}' 2>/dev/null && echo {to} {port}) &\n")
        });
        let script = tries.collect::<Vec<_>>().concat() + "wait";
        let pod = cluster.pods_of(from).swap_remove(0);
        let open = cluster.shop(&["exec", "--quiet", &pod, "--", "bash", "-c", &script]);
        let open: BTreeSet<&str> = open.lines().collect();
        let used = |to: &str, port: u16| wanted.contains(&(from.to_owned(), to.to_owned(), port));
        let wanted: Vec<String> =
            others().filter(|(to, port)| used(to, *port)).map(|(to, port)| format!("{to} {port}")).collect();
        let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
        assert_eq!(open, wanted, "from {from}");
    }
}

#[test]
#[ignore = "needs a node: .ci/kubernetes"]
fn a_pod_above_its_memory_limit_starts_again_and_a_budget_forbids_a_second_eviction() {
    let cluster = Cluster::running();
    cluster.shop(&[
        "set",
        "resources",
        "deployment/assembly",
        "--containers=assembly",
        "--requests=memory=8Mi",
        "--limits=memory=8Mi",
    ]);
    within(CHANGED_WITHIN, || {
        let killed = |pod: &Value| {
            list(&pod["status"]["containerStatuses"]).any(|status| {
                [&status["lastState"], &status["state"]]
                    .iter()
                    .any(|state| state["terminated"]["reason"] == "OOMKilled")
            })
        };
        if cluster.get("pods").iter().any(killed) { Ok(()) } else { Err("no pod was killed for its memory".to_owned()) }
    });
    cluster.roll(&["rollout", "undo"], "assembly");
    cluster.tool(&DEMO);

    let evict = |pod: &str| {
        let eviction = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": pod, "namespace": NAMESPACE } });
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction");
        cluster.try_kubectl(&["create", "--raw", &path, "--filename", "-"], &eviction.to_string())
    };
    within(READY_WITHIN, || cluster.is_ready());
    let pods = cluster.pods_of("order");
    assert!(evict(&pods[0]).success);
    let Said { success, complaint, .. } = evict(&pods[1]);
    assert!(!success && complaint.contains("disruption budget"), "{complaint}");
    within(READY_WITHIN, || cluster.is_ready());
    cluster.tool(&["audit", "--wait", "2m"]);
}
