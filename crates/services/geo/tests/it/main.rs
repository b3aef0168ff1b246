//! The whole service over gRPC, and its configuration.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::Path,
    time::{Duration, SystemTime},
};

use certificates::{Authority, CA, CERTIFICATE, KEY, Subject};
use contracts::proto::geo::{GetGeolocationRequest, Location, geo_client::GeoClient};
use geo::{app, config::Config};
use platform::{config::Settings, grpc::Peer};
use tempfile::NamedTempFile;
use testkit::Running;
use tonic::{Code, Status};

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("the disk has space");
    file
}

fn with_streets(path: &Path) -> Settings {
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

struct Fixture {
    address: SocketAddr,
    _service: Running,
}

impl Fixture {
    async fn new(settings: &Settings) -> Self {
        let app =
            app::build(Config::load(settings).expect("the settings are valid")).await.expect("its ports are free");
        let (address, service) = testkit::start(app).await;
        Self { address, _service: service }
    }

    async fn locate(&self, street: &str) -> Result<(i32, i32), Status> {
        let peer = Peer::lazy("geo", "TEST_ADDRESS", &self.address.to_string()).expect("a socket address");
        let request = GetGeolocationRequest { street: street.to_owned() };
        let reply = GeoClient::new(peer).get_geolocation(request).await?.into_inner();
        let Location { x, y } = reply.location.expect("every reply has a location");
        Ok((x, y))
    }
}

#[tokio::test]
async fn a_street_that_is_not_in_the_file_has_the_cell_of_its_hash() {
    let geo = Fixture::new(&testkit::settings()).await;

    for (street, cell) in
        [("Несуществующая", (10, 8)), ("Москва, ул. Тверская, 1", (5, 10)), (" \t МОСКВА, УЛ. ТВЕРСКАЯ, 1\n", (5, 10))]
    {
        assert_eq!(geo.locate(street).await.unwrap(), cell, "{street}");
    }
}

#[tokio::test]
async fn a_street_in_the_file_has_the_cell_given_there() {
    let file = file("# a comment\n\"Main Street\" = [2, 1]\n\" НЕСУЩЕСТВУЮЩАЯ \" = [10, 10]\n");
    let geo = Fixture::new(&with_streets(file.path())).await;

    for (street, cell) in [("Main Street", (2, 1)), ("  main STREET ", (2, 1)), ("Несуществующая", (10, 10))]
    {
        assert_eq!(geo.locate(street).await.unwrap(), cell, "{street}");
    }
    assert_eq!(geo.locate("Москва, ул. Тверская, 1").await.unwrap(), (5, 10), "of another street");
}

#[tokio::test]
async fn a_blank_or_too_long_street_is_refused() {
    let geo = Fixture::new(&testkit::settings()).await;
    let (longest, longer) = ("я".repeat(300), "я".repeat(301));

    for (street, message) in [
        ("", "street: must not be blank"),
        (" \n\u{a0}", "street: must not be blank"),
        (&longer, "street: must have at most 300 characters"),
        (&" ".repeat(301), "street: must have at most 300 characters"),
    ] {
        let refused = geo.locate(street).await.unwrap_err();

        assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, message));
    }
    assert!(geo.locate(&longest).await.is_ok());
}
