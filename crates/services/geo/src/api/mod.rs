//! The gRPC API, one file per RPC.

mod get_geolocation;

use contracts::proto::DESCRIPTORS;
use contracts::proto::geo::{
    GetGeolocationReply, GetGeolocationRequest,
    geo_server::{Geo, GeoServer},
};
use platform::{auth::Rule, grpc::Services};
use tonic::{Request, Response, Status};

use crate::service::GeoService;

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
        get_geolocation::handle(&self.service, &request)
    }
}
