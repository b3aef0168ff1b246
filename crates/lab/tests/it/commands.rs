//! The commands of the laboratory: errors before anything is started.

use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str]) -> (Output, String) {
    let directory = tempfile::tempdir().unwrap();
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    let output = lab
        .args(arguments)
        .env_clear()
        .env("ORDER_URL", "http://127.0.0.1:1")
        .stdin(Stdio::null())
        .current_dir(directory.path())
        .output()
        .unwrap();
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    (output, complaint)
}

#[test]
fn an_unknown_name_is_usage() {
    for arguments in [&["chaos", "--only", "nosuch"][..], &["attack", "nosuch"]] {
        let (output, complaint) = run(arguments);

        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert!(complaint.contains("--list"), "{complaint}");
    }
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let cases = [
        (&["attack"][..], "is a shop running?"),
        (&["load"], "is a shop running?"),
        (&["load", "--duration", "1ms"], "duration: 1ms at 100/s is an empty run"),
        (&["load", "--mix", "create=1", "--users", "1"], "use 4 users at least"),
        (&["load", "--find-peak", "--rate", "1"], "a p99 needs 100"),
        (&["load", "--audit"], "no shop runs from .shipyard"),
    ];

    for (arguments, sentence) in cases {
        let (output, complaint) = run(arguments);

        assert!(!output.status.success() && complaint.contains(sentence), "{arguments:?}: {complaint}");
        assert_eq!(complaint.trim_end().lines().count(), 1, "{arguments:?}: {complaint}");
    }
}
