//! The program at a terminal: exit codes and closed pipes.

use crate::program::{Variables, shipyard};

#[test]
fn a_reader_that_has_left_is_no_error() {
    for arguments in [&["services"][..], &["doctor"], &["completions", "bash"]] {
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
        let directory = tempfile::tempdir().unwrap();
        let ended = shipyard(arguments, &Variables::new(), directory.path()).output().unwrap();

        assert_eq!(ended.status.code(), Some(3), "{arguments:?}");
    }
}
