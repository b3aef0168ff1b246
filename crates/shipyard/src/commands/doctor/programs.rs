//! Programs that the README's commands, containers and tests need.

use servers::advice;
use tokio::process::Command;

use super::{CHECK_TIMEOUT, Finding};

/// The oldest supported version of Compose.
const MIN_COMPOSE: (u32, u32) = (2, 26);

pub async fn find() -> Vec<Finding> {
    let readme = "to run the README's commands";
    let pages = "for the tests of the pages";
    vec![
        docker().await,
        compose().await,
        program("curl", &["curl", "--version"], &format!("{readme}, {}", advice("curl"))).await,
        program("jq", &["jq", "--version"], &format!("{readme}, {}", advice("jq"))).await,
        program(
            "grpcurl",
            &["grpcurl", "--version"],
            &format!("{readme}, install it: https://github.com/fullstorydev/grpcurl"),
        )
        .await,
        program("Chromium", &["chromium", "--version"], &format!("{pages}, {}", advice("chromium"))).await,
        program("ChromeDriver", &["chromedriver", "--version"], &format!("{pages}, {}", advice("chromium-driver")))
            .await,
    ]
}

async fn docker() -> Finding {
    let remedy = "for `docker compose up`, and for tests on the real servers, start a Docker engine";
    program("Docker", &["docker", "version", "--format", "{{.Server.Version}}"], remedy).await
}

async fn compose() -> Finding {
    let remedy = format!(
        "for `docker compose up`, install version {}.{} or later of Docker's compose plugin",
        MIN_COMPOSE.0, MIN_COMPOSE.1
    );
    match version(&["docker", "compose", "version", "--short"]).await {
        Some(version) if is_at_least(&version, MIN_COMPOSE) => Finding::fine("Compose", version),
        Some(version) => Finding::optional("Compose", &version, remedy),
        None => Finding::optional("Compose", "not here", remedy),
    }
}

/// Looks for an optional program.
async fn program(what: &str, command: &[&str], remedy: &str) -> Finding {
    match version(command).await {
        Some(version) => Finding::fine(what, version),
        None => Finding::optional(what, "not here", remedy),
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
