//! The environment variables, and the file of streets.

use std::{io::Write as _, path::Path};

use geo::config::Config;
use platform::config::Settings;
use tempfile::NamedTempFile;

pub fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("the disk has space");
    file
}

pub fn with_streets(path: &Path) -> Settings {
    testkit::settings().with([("GEO_STREETS", path.display().to_string())])
}

#[test]
fn an_invalid_street_is_named_by_its_line() {
    for (text, expected) in [
        ("\"a\" = [1, 1]\n\"b\" = [0, 1]", "line 2: a coordinate is not 1 to 10"),
        ("\"a\" = [1, 11]", "line 1: a coordinate is not 1 to 10"),
        ("\"a\" = [1, -9223372036854775808]", "line 1: a coordinate is not 1 to 10"),
        ("\"a\" = [1, 2, 3]", "line 1: is not like \"Main Street\" = [2, 1]"),
        ("\n\"a\" = [1.5, 2]", "line 2: is not like \"Main Street\" = [2, 1]"),
        ("\n\na b = [1, 2]", "line 3: is not like \"Main Street\" = [2, 1]"),
        ("\"a\" = [1, 1]\n\"a\" = [1, 1]", "line 2: is not like \"Main Street\" = [2, 1]"),
        ("\" a \" = [1, 1]\n\"A\" = [1, 1]", "the street is there twice"),
        ("\" \" = [1, 1]", "line 1: the street is blank"),
    ] {
        let file = file(text);

        let error = Config::load(&with_streets(file.path())).unwrap_err();

        assert_eq!(error.variable, "GEO_STREETS");
        assert!(error.problem.ends_with(expected), "{text}: {error}");
    }
}

#[test]
fn an_unreadable_file_of_streets_is_an_error() {
    let error = Config::load(&with_streets(Path::new("/nowhere/streets.toml"))).unwrap_err();

    assert_eq!(error.variable, "GEO_STREETS");
    assert!(error.problem.starts_with("/nowhere/streets.toml: "), "{error}");
}

#[test]
fn an_invalid_variable_is_named() {
    assert!(Config::load(&testkit::settings()).is_ok());

    let error = Config::load(&testkit::settings().with([("GEO_LISTEN", "x".to_owned())])).unwrap_err();

    assert_eq!(error.variable, "GEO_LISTEN");
}
