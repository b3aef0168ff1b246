//! The stand-in for geo.

use contracts::proto::geo::{GetGeolocationRequest, Location, geo_client::GeoClient};
use stand_ins::{Geo, GeoMode};
use tonic::Code;

#[tokio::test]
async fn geo_lies_on_request() {
    let geo = Geo::start().await.unwrap();
    let mut client = GeoClient::connect(format!("http://{}", geo.address())).await.unwrap();
    let mut ask = async || client.get_geolocation(GetGeolocationRequest { street: "Main".to_owned() }).await;

    let well = ask().await.unwrap().into_inner().location;
    geo.be(GeoMode::Outside);
    let outside = ask().await.unwrap().into_inner().location;
    geo.be(GeoMode::Unknown);
    let unknown = ask().await.unwrap_err().code();

    assert_eq!((well, outside), (Some(Location { x: 5, y: 5 }), Some(Location { x: 11, y: 0 })));
    assert_eq!((unknown, geo.faults_met()), (Code::InvalidArgument, 2));
}
