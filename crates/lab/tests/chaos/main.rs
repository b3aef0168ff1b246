//! Runs a few faults of `lab chaos`, briefly, and checks that the command works and no data is lost. Two processes
//! of each service run under load for minutes, so this is a separate test program: cargo runs test programs one after
//! another.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    path::Path,
    process::{Output, Stdio},
};

use tokio::process::Command;

/// Faults that need neither root nor a container engine, and that affect different parts of the system.
const FAULTS: &str = "kill,charge-commit,postgres-kill";

#[tokio::test]
async fn no_fault_of_a_short_selection_loses_or_doubles_anything() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().display().to_string();
    // The machines of CI are small and busy.
    let arguments = ["--data", &data, "chaos", "--all", "--brief", "--only", FAULTS, "--slack", "20", "--seed", "7"];

    let output = run(&arguments, directory.path()).await;

    let report = String::from_utf8_lossy(&output.stdout);
    let faults = format!("{} faults, briefly, ", FAULTS.split(',').count());
    assert!(output.status.success() && report.contains(&faults), "{report}");
}

async fn run(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(arguments).current_dir(directory).env_clear();
    for name in ["PATH", "HOME"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output().await.unwrap()
}
