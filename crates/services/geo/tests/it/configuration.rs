//! The environment variables, and the file of streets.

use std::{
    io::Write as _,
    path::Path,
    time::{Duration, SystemTime},
};

use certificates::{Authority, CA, CERTIFICATE, KEY, Subject};
use geo::{app, config::Config};
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
        ("\"a\" = [1, 1]\n\"b\" = [0, 1]", "line 2: a coordinate must be from 1 to 10"),
        ("\"a\" = [1, 11]", "line 1: a coordinate must be from 1 to 10"),
        ("\"a\" = [1, -9223372036854775808]", "line 1: a coordinate must be from 1 to 10"),
        ("\"a\" = [1, 2, 3]", "line 1: is not like \"Main Street\" = [2, 1]"),
        ("\n\"a\" = [1.5, 2]", "line 2: is not like \"Main Street\" = [2, 1]"),
        ("\n\na b = [1, 2]", "line 3: is not like \"Main Street\" = [2, 1]"),
        ("\"a\" = [1, 1]\n\"a\" = [1, 1]", "line 2: is not like \"Main Street\" = [2, 1]"),
        ("\" a \" = [1, 1]\n\"A\" = [1, 1]", "the street is listed twice"),
        ("\" \" = [1, 1]", "line 1: the street must not be blank"),
    ] {
        let file = file(text);

        let error = Config::load(&with_streets(file.path())).unwrap_err();

        assert_eq!(error.variable, "GEO_STREETS");
        assert!(error.problem.ends_with(expected), "{text}: {error}");
    }
}

#[tokio::test]
async fn in_production_the_service_starts_only_with_tls_which_needs_no_key() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let day = Duration::from_hours(24);
    let authority = Authority::create(SystemTime::now(), day).expect("an authority");
    let pair = authority.sign(&Subject::service("geo"), SystemTime::now(), day).expect("a certificate");
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("the directory can be written");
        path.display().to_string()
    };
    let tls = [
        ("TLS_CA_FILE", write(CA, authority.certificate())),
        ("TLS_CERT_FILE", write(CERTIFICATE, &pair.certificate)),
        ("TLS_KEY_FILE", write(KEY, &pair.key)),
    ];
    let start = async |settings: &Settings| {
        let app = app::build(Config::load(settings).map_err(|error| error.to_string())?).await;
        app.map(drop).map_err(|error| error.to_string())
    };
    let production = testkit::settings().with([("SHIPYARD_ENVIRONMENT", "production".to_owned())]);
    let without_key = |settings: &Settings| settings.clone().with([("SERVICE_KEY", String::new())]);

    let plain = start(&production).await.unwrap_err();
    let keyless = start(&without_key(&testkit::settings())).await.unwrap_err();

    assert!(plain.starts_with("SHIPYARD_ENVIRONMENT: is production, where services use TLS"), "{plain}");
    assert_eq!(keyless, "SERVICE_KEY: is not set and has no default");
    assert_eq!(start(&without_key(&production.with(tls))).await, Ok(()));
}
