//! `.env` and the configuration file: `.env` is read from the working directory alone, and an error shows no value.

use std::path::Path;

use crate::program::{Variables, shipyard};

const KEY: &str = "the key that no error shows, 32 bytes and more";

/// Runs a service's health check in `directory`. Returns whether it succeeds, and its output.
fn start(directory: &Path, variables: &Variables) -> (bool, String) {
    let output = shipyard(&["run", "geo", "health"], variables, directory).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn an_error_in_the_env_file_names_its_line_and_variable_and_shows_no_value() {
    for (text, named) in [
        (format!("# a comment\n\nSERVICE_KEY={KEY}\n"), ".env: line 3: SERVICE_KEY"),
        (
            format!("LOG_LEVEL=info\nSERVICE_KEY='{KEY}\nREDIS_URL=redis://:{KEY}@localhost\n"),
            ".env: line 2: SERVICE_KEY",
        ),
        (format!("{KEY}\n"), ".env: line 1"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(".env"), &text).unwrap();

        let (well, said) = start(directory.path(), &Variables::new());

        assert!(!well && !said.contains("no error shows") && !said.contains("and more"), "{said}");
        assert!(said.contains(named), "{said}");
    }
}

#[test]
fn the_env_file_of_a_parent_directory_is_not_read() {
    let parent = tempfile::tempdir().unwrap();
    std::fs::write(parent.path().join(".env"), format!("SERVICE_KEY={KEY}\n")).unwrap();
    let directory = parent.path().join("below");
    std::fs::create_dir(&directory).unwrap();

    let (_, said) = start(&directory, &Variables::new());

    assert!(!said.contains(".env") && !said.contains("no error shows"), "{said}");
}

#[test]
fn an_error_in_the_configuration_file_names_its_line_and_shows_no_value() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shipyard.toml");
    let variables = vec![("SHIPYARD_CONFIG".to_owned(), file.display().to_string())];
    for (text, named) in [
        (format!("log_level = \"info\"\nservice_key = {KEY}\n"), "line 2"),
        (format!("service_key = \"{KEY}\n"), "line 1"),
        (format!("service_key = [\"{KEY}\"]\n"), "SERVICE_KEY"),
    ] {
        std::fs::write(&file, &text).unwrap();

        let (well, said) = start(directory.path(), &variables);

        assert!(!well && !said.contains("no error shows") && !said.contains("and more"), "{said}");
        assert!(said.contains("SHIPYARD_CONFIG") && said.contains(named), "{said}");
    }
}
