//! `.env` and the configuration file: `.env` is read from the working directory alone, and an error shows no value.

use std::path::Path;

use crate::{
    commands::given,
    program::{Variables, shipyard},
};

const KEY: &str = "the key that no error shows, 32 bytes and more";

/// Runs a service's health check in `directory`. Returns whether it succeeds, and its output.
fn start(directory: &Path, variables: &Variables) -> (bool, String) {
    let output = shipyard(&["run", "geo", "health"], variables, directory).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn an_error_in_a_file_of_settings_names_its_line_or_variable_and_shows_no_value() {
    for (file, text, named) in [
        (".env", format!("# a comment\n\nSERVICE_KEY={KEY}\n"), ".env: line 3: SERVICE_KEY"),
        (
            ".env",
            format!("LOG_LEVEL=info\nSERVICE_KEY='{KEY}\nREDIS_URL=redis://:{KEY}@localhost\n"),
            ".env: line 2: SERVICE_KEY",
        ),
        (".env", format!("{KEY}\n"), ".env: line 1"),
        ("shipyard.toml", format!("log_level = \"info\"\nservice_key = {KEY}\n"), "line 2"),
        ("shipyard.toml", format!("service_key = \"{KEY}\n"), "line 1"),
        ("shipyard.toml", format!("service_key = [\"{KEY}\"]\n"), "SERVICE_KEY"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(file);
        std::fs::write(&path, &text).unwrap();
        let is_env = file == ".env";
        let variables = if is_env { Variables::new() } else { given("SHIPYARD_CONFIG", &path.display().to_string()) };

        let (well, said) = start(directory.path(), &variables);

        assert!(!well && !said.contains("no error shows") && !said.contains("and more"), "{said}");
        assert!(said.contains(named) && (is_env || said.contains("SHIPYARD_CONFIG")), "{said}");
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
