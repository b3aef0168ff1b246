//! The program at a terminal: exit codes, closed pipes, JSON, completions and man pages.

use std::process::Output;

use serde_json::Value;

use crate::program::{Variables, shipyard};

fn output(arguments: &[&str], variables: &Variables) -> Output {
    let directory = tempfile::tempdir().unwrap();
    shipyard(arguments, variables, directory.path()).output().unwrap()
}

#[test]
fn a_reader_that_has_left_is_no_error() {
    for arguments in [&["services"][..], &["doctor", "--json"], &["completions", "bash"]] {
        let directory = tempfile::tempdir().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);

        let ended = shipyard(arguments, &Variables::new(), directory.path()).stdout(writer).output().unwrap();

        let complaint = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && complaint.is_empty(), "{arguments:?}: {:?} {complaint}", ended.status);
    }
}

#[test]
fn an_audit_that_cannot_look_says_so_by_its_exit_code() {
    let order = ["--order", "00000000-0000-0000-0000-000000000000"];
    for arguments in [&["audit"][..], &[&["audit"], &order[..]].concat()] {
        assert_eq!(output(arguments, &Variables::new()).status.code(), Some(3), "{arguments:?}");
    }
}

#[test]
fn lists_are_also_json() {
    let services: Value = serde_json::from_slice(&output(&["services", "--json"], &Variables::new()).stdout).unwrap();
    let findings: Value = serde_json::from_slice(&output(&["doctor", "--json"], &Variables::new()).stdout).unwrap();

    let order = services.as_array().unwrap().iter().filter(|one| one["service"] == "order");
    assert_eq!(order.map(|one| one["kind"].as_str().unwrap()).collect::<Vec<_>>(), ["http", "grpc", "admin"]);
    let verdict =
        |what: &str| findings.as_array().unwrap().iter().find(|one| one["what"] == what).unwrap()["verdict"].clone();
    assert_eq!(verdict("Kafka"), "fine");
    assert!(["fine", "optional"].contains(&verdict("jq").as_str().unwrap()));
}

#[test]
fn completions_and_man_pages_are_made() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man");

    let script = output(&["completions", "zsh"], &Variables::new()).stdout;
    let written = output(&["man", pages.to_str().unwrap()], &Variables::new());

    assert!(String::from_utf8_lossy(&script).starts_with("#compdef shipyard"));
    assert!(written.status.success(), "{written:?}");
    for page in ["shipyard.1", "shipyard-audit.1"] {
        assert!(std::fs::read_to_string(pages.join(page)).unwrap().contains(".SH SYNOPSIS"), "{page}");
    }
}
