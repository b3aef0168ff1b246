//! Runs the `docker` program with timeouts.

use std::{process::Stdio, time::Duration};

use anyhow::Context as _;
use tokio::process::Command;

use crate::process;

/// The label with the owning process's pid.
const OWNER: &str = "shipyard.chaos";
/// The label with the owning process's host.
const HOST: &str = "shipyard.host";
/// The timeout for the container engine's first response.
const ENGINE_TIMEOUT: Duration = Duration::from_secs(5);
const PULL_TIMEOUT: Duration = Duration::from_mins(3);
/// The timeout of commands that transfer no data.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the output of `docker <arguments>`. An error contains the last line of standard error.
pub async fn run(arguments: &[&str], time_limit: Duration) -> anyhow::Result<String> {
    let command = arguments.first().copied().unwrap_or_default();
    let output = Command::new("docker").args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(time_limit, output).await;
    let output = output
        .with_context(|| format!("docker {command} takes more than {time_limit:?}"))?
        .context("there is no program `docker`")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim_end().lines().next_back().unwrap_or("failed");
    anyhow::ensure!(output.status.success(), "docker {command}: {last}");
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Fails if no engine responds, or if it neither has `image` nor can pull it.
pub async fn available(image: &str) -> anyhow::Result<()> {
    run(&["version", "--format", "{{.Server.Version}}"], ENGINE_TIMEOUT).await.context("no docker engine answers")?;
    if run(&["image", "inspect", "--format", "{{.Id}}", image], COMMAND_TIMEOUT).await.is_err() {
        tracing::info!("pulling {image}; this happens once");
        let pulled = run(&["pull", "--quiet", image], PULL_TIMEOUT).await;
        pulled.with_context(|| format!("the image {image} is not here and cannot be pulled"))?;
    }
    Ok(())
}

/// Returns the labels that name the process that owns a container. [`sweep`] finds containers without a living owner by
/// them.
pub fn labels() -> [String; 2] {
    [format!("{OWNER}={}", std::process::id()), format!("{HOST}={}", host())]
}

/// Removes the containers, with their data, of ended processes of this host.
pub async fn sweep() -> anyhow::Result<()> {
    let [owned, here] = [format!("label={OWNER}"), format!("label={HOST}={}", host())];
    let format = format!(r#"{{{{.ID}}}} {{{{.Label "{OWNER}"}}}}"#);
    let listed =
        run(&["ps", "--all", "--filter", &owned, "--filter", &here, "--format", &format], COMMAND_TIMEOUT).await?;
    for (id, owner) in listed.lines().filter_map(|line| line.split_once(' ')) {
        if !owner.parse().is_ok_and(process::is_alive) {
            remove(id).await?;
        }
    }
    Ok(())
}

/// Kills a container in any state, and removes it with its data.
pub async fn remove(id: &str) -> anyhow::Result<()> {
    run(&["rm", "--force", "--volumes", id], COMMAND_TIMEOUT).await?;
    Ok(())
}

/// Removes a container like [`remove`], for use in `Drop`: it is synchronous, and ignores errors.
pub fn remove_blocking(id: &str) {
    let mut command = std::process::Command::new("docker");
    command.args(["rm", "--force", "--volumes", id]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command.status();
}

/// Returns this host's name. A pid is unique only on its host, and an engine may serve several hosts.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
