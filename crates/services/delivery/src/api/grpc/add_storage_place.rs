//! `AddStoragePlace`: adds a storage place to a courier.

use contracts::{
    ids::CourierId,
    proto::delivery::v1::{AddStoragePlaceRequest, AddStoragePlaceResponse},
};
use platform::grpc::parse_uuid;
use tonic::{Request, Response, Status};

use crate::{
    generate::Generator,
    model::{Name, Volume},
    service::DeliveryService,
};

pub async fn handle(
    service: &DeliveryService,
    request: Request<AddStoragePlaceRequest>,
) -> Result<Response<AddStoragePlaceResponse>, Status> {
    let AddStoragePlaceRequest { courier_id, name, total_volume } = request.into_inner();
    let courier = CourierId::new(parse_uuid("courier_id", &courier_id)?);
    let name = Name::new(name).map_err(|error| Status::invalid_argument(format!("name: {error}")))?;
    let volume = Volume::new(total_volume.into());
    let volume = volume.map_err(|error| Status::invalid_argument(format!("total_volume: {error}")))?;
    let (id, name, volume) = Generator::default().place(name, volume);

    service.add_place(courier, id, &name, volume).await?;

    Ok(Response::new(AddStoragePlaceResponse { storage_place_id: id.to_string() }))
}
