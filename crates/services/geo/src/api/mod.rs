//! The gRPC API, one file per RPC.

mod get_geolocation;

use contracts::proto::DESCRIPTORS;
use contracts::proto::geo::{
    GetGeolocationReply, GetGeolocationRequest,
    geo_server::{Geo, GeoServer},
};
use platform::{auth::Access, grpc::Services};
use tonic::{Request, Response, Status};

use crate::service::GeoService;

/// No RPC needs a session or a service token.
pub fn access(_path: &str) -> Access {
    Access::Public
}

pub struct Grpc {
    service: GeoService,
}

/// The gRPC services that the server serves.
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
