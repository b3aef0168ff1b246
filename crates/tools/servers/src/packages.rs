//! How a missing server is installed.

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
