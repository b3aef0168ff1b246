//! Installs a missing server with apt-get.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::Context as _;
use tokio::process::Command;

use crate::process;

/// Returns the command that installs `package` on this machine.
pub fn advice(package: &str) -> String {
    let managers = [
        ("apt-get", "sudo apt-get install -y"),
        ("dnf", "sudo dnf install -y"),
        ("pacman", "sudo pacman -S --noconfirm"),
        ("apk", "sudo apk add"),
        ("brew", "brew install"),
    ];
    let found = managers.iter().find(|(manager, _)| process::find(manager).is_some());
    // Only these packages' names depend on the distribution.
    let name = match (package, found) {
        ("postgresql", Some((manager, _))) if *manager == "dnf" => "postgresql-server",
        ("redis-server", Some((manager, _))) if *manager != "apt-get" => "redis",
        _ => package,
    };
    found.map_or_else(|| format!("install {name}"), |(_, command)| format!("{command} {name}"))
}

/// Installs `package` with apt-get. Requires root on Debian or Ubuntu; otherwise the error names the command to run.
///
/// Does not start the package's own service, and creates no cluster.
pub async fn install(package: &str) -> anyhow::Result<()> {
    if !process::is_root() || !Path::new("/etc/debian_version").exists() || process::find("apt-get").is_none() {
        anyhow::bail!("run `{}`", advice(package));
    }
    // A lock admits one installation at a time across processes, since the policy file below exists only during it.
    let lock = File::create(std::env::temp_dir().join("shipyard-apt.lock"))?;
    let _lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
    tracing::info!("installing {package} with apt-get; this happens once");
    write_new("/etc/postgresql-common/createcluster.conf", "create_main_cluster = false\n", 0o644)?;
    // This policy file keeps Debian packages from starting services.
    let policy = "/usr/sbin/policy-rc.d";
    let ours = write_new(policy, "#!/bin/sh\nexit 101\n", 0o755)?;
    let outcome = async {
        apt(&["update"]).await?;
        apt(&["install", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", package]).await
    }
    .await;
    if ours {
        let _ = std::fs::remove_file(policy);
    }
    outcome.with_context(|| format!("installing {package}; try `{}` by hand", advice(package)))
}

async fn apt(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("apt-get")
        .args(["-qq", "-o", "DPkg::Lock::Timeout=300"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C")
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(
        output.status.success(),
        "apt-get {}: {}",
        arguments[0],
        said.trim_end().lines().next_back().unwrap_or("failed")
    );
    Ok(())
}

/// Writes a file unless it exists. Returns whether it wrote the file.
fn write_new(path: &str, content: &str, mode: u32) -> anyhow::Result<bool> {
    if let Some(parent) = Path::new(path).parent() {
        std::fs::create_dir_all(parent)?;
    }
    match OpenOptions::new().create_new(true).write(true).mode(mode).open(path) {
        Ok(mut file) => {
            file.write_all(content.as_bytes())?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(|| path.to_owned()),
    }
}
