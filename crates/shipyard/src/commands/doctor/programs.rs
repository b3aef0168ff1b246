//! Programs that the API tour's calls, containers and tests need.

use servers::advice;
use tokio::process::Command;

use super::{CHECK_TIMEOUT, Finding};

/// The oldest supported version of Compose.
const MIN_COMPOSE: (u32, u32) = (2, 26);

pub async fn find() -> Vec<Finding> {
    let calls = |remedy: String| format!("for the calls of docs/api-tour.md, {remedy}");
    let pages = |package| format!("for the tests of the pages, {}", advice(package));
    let docker = "for `docker compose up`, and for tests on the real servers, start a Docker engine".to_owned();
    let grpcurl = "install it: https://github.com/fullstorydev/grpcurl".to_owned();
    let programs: [(&str, &[&str], String); 6] = [
        ("Docker", &["docker", "version", "--format", "{{.Server.Version}}"], docker),
        ("curl", &["curl", "--version"], calls(advice("curl"))),
        ("jq", &["jq", "--version"], calls(advice("jq"))),
        ("grpcurl", &["grpcurl", "--version"], calls(grpcurl)),
        ("Chromium", &["chromium", "--version"], pages("chromium")),
        ("ChromeDriver", &["chromedriver", "--version"], pages("chromium-driver")),
    ];
    let mut found = vec![compose().await];
    for (what, command, remedy) in programs {
        found.push(match version(command).await {
            Some(version) => Finding::fine(what, version),
            None => Finding::optional(what, "not here", remedy),
        });
    }
    found
}

async fn compose() -> Finding {
    let (major, minor) = MIN_COMPOSE;
    let remedy =
        format!("for `docker compose up`, install version {major}.{minor} or later of Docker's compose plugin");
    match version(&["docker", "compose", "version", "--short"]).await {
        Some(version) if is_at_least(&version, MIN_COMPOSE) => Finding::fine("Compose", version),
        Some(version) => Finding::optional("Compose", &version, remedy),
        None => Finding::optional("Compose", "not here", remedy),
    }
}

/// The first line that the program prints about its version; `None` if the program is missing.
async fn version(command: &[&str]) -> Option<String> {
    let asked = Command::new(command[0]).args(&command[1..]).kill_on_drop(true).output();
    let output =
        tokio::time::timeout(CHECK_TIMEOUT, asked).await.ok()?.ok().filter(|output| output.status.success())?;
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&said).lines().next().unwrap_or_default().trim().to_owned())
}

/// Compares a version such as `v2.29.7` or `2.40.3-desktop.1`. A version in another form counts as recent.
fn is_at_least(version: &str, (major, minor): (u32, u32)) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map_while(|number| number.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(this), Some(next)) => (this, next) >= (major, minor),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for (version, recent) in [("2.26.0", true), ("v2.9.1", false), ("3.0", true), ("1.29.2", false), ("dev", true)]
        {
            assert_eq!(is_at_least(version, (2, 26)), recent, "{version}");
        }
    }
}
