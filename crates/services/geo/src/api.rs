//! The gRPC API.

use contracts::proto::{
    DESCRIPTORS,
    geo::{
        GetGeolocationReply, GetGeolocationRequest, Location,
        geo_server::{Geo, GeoServer},
    },
};
use platform::{auth::Rule, grpc::Services};
use tonic::{Request, Response, Status};

use crate::{model::Cell, service::GeoService};

/// Public, because geo is a stand-in for an outside service that does not identify its callers.
pub const RULES: &[Rule] = &[Rule::public("/geo.Geo/GetGeolocation")];

pub struct Grpc {
    service: GeoService,
}

pub fn services(service: GeoService) -> Services {
    Services::new(DESCRIPTORS).with(GeoServer::new(Grpc { service }))
}

#[tonic::async_trait]
impl Geo for Grpc {
    async fn get_geolocation(
        &self,
        request: Request<GetGeolocationRequest>,
    ) -> Result<Response<GetGeolocationReply>, Status> {
        let cell = self.service.locate(&request.get_ref().street)?;

        Ok(Response::new(GetGeolocationReply { location: Some(encode(cell)) }))
    }
}

fn encode(cell: Cell) -> Location {
    Location { x: cell.x().into(), y: cell.y().into() }
}
