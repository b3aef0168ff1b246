//! The commands of the laboratory: help, lists, and errors before anything is started.

use std::process::{Command, Output, Stdio};

fn lab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> (Output, String) {
    let directory = tempfile::tempdir().unwrap();
    let output = lab(arguments).current_dir(directory.path()).output().unwrap();
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    (output, complaint)
}

#[test]
fn every_command_has_help() {
    for command in ["chaos", "attack", "load", "bench"] {
        let (output, complaint) = run(&[command, "--help"]);
        assert!(output.status.success() && complaint.is_empty(), "{command}: {complaint}");
    }
}

#[test]
fn a_reader_of_a_list_that_has_left_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);

    let ended = lab(&["chaos", "--list"]).stdout(writer).output().unwrap();

    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn an_unknown_name_is_usage() {
    for arguments in [&["chaos", "--only", "nosuch"][..], &["chaos", "--skip", "0"], &["attack", "nosuch"]] {
        let (output, complaint) = run(arguments);

        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert!(complaint.contains("--list"), "{complaint}");
    }
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let elsewhere = ["--order-url", "http://127.0.0.1:1"];
    let cases = [
        (&[&["attack"][..], &elsewhere].concat()[..], "is a shop running?"),
        (&[&["load"][..], &elsewhere].concat(), "is a shop running?"),
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

#[test]
fn arguments_that_make_no_load_are_refused() {
    let cases = [
        (["--rate", "0"], "--rate"),
        (["--mix", "create=0"], "has no weight above 0"),
        (["--mix", "creat=1"], "there is no traffic `creat`; there are create, pay"),
        (["--max-errors", "101"], "is not between 0 and 100"),
        (["--users", "0"], "--users"),
    ];

    for (arguments, sentence) in cases {
        let (output, complaint) = run(&[&["load"][..], &arguments].concat());

        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
        assert!(output.stdout.is_empty() && complaint.contains(sentence), "{arguments:?}: {complaint}");
    }
}
