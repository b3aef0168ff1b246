//! Brokers in containers.

use std::process::Command;

use servers::kafka::container;

/// Returns true if a container engine answers and has the image.
fn has_docker() -> bool {
    let (name, tag) = container::IMAGE;
    let image = Command::new("docker").args(["image", "inspect", &format!("{name}:{tag}")]).output();
    image.is_ok_and(|output| output.status.success())
}

fn containers(label: &str) -> String {
    let filter = format!("label=shipyard.name={label}");
    let output =
        Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &filter]).output().expect("docker runs");
    String::from_utf8(output.stdout).expect("ids are text").trim().to_owned()
}

#[tokio::test]
async fn a_sweep_removes_the_brokers_of_dead_processes() {
    if let Err(error) = container::available().await {
        return assert!(!has_docker(), "{error:#}");
    }
    let mut dead = Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    let label = format!("test-{}", platform::ids::random());
    let (name, tag) = container::IMAGE;
    let made = Command::new("docker")
        .args(["create", "--label", &format!("shipyard.chaos={}", dead.id())])
        .args(["--label", &format!("shipyard.host={}", rustix::system::uname().nodename().to_string_lossy())])
        .args(["--label", &format!("shipyard.name={label}"), &format!("{name}:{tag}")])
        .output();
    assert!(made.unwrap().status.success());
    assert_ne!(containers(&label), "");

    container::sweep().await.unwrap();

    assert_eq!(containers(&label), "");
}
