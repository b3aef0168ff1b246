//! `GetGeolocation`, called without a session or a token.

use std::net::SocketAddr;

use contracts::proto::geo::{GetGeolocationRequest, Location, geo_client::GeoClient};
use geo::{app, config::Config};
use platform::{config::Settings, grpc::Peer};
use testkit::Running;
use tonic::{Code, Status};

use crate::configuration::{file, with_streets};

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
