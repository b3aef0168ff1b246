//! `AddStoragePlace`: adds a storage place to a courier.

use contracts::{
    ids::CourierId,
    proto::delivery::v1::{AddStoragePlaceRequest, AddStoragePlaceResponse},
};
use platform::{auth::role_used_on, grpc::uuid, invalid::InvalidFields};
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
    let mut invalid = InvalidFields::default();
    let courier = invalid.check("courier_id", uuid(&courier_id)).map(CourierId::new);
    let name = invalid.check("name", Name::new(name));
    let volume = invalid.check("total_volume", Volume::new(total_volume.into()));
    let (Some(courier), Some(name), Some(volume)) = (courier, name, volume) else { return Err(invalid.into()) };
    role_used_on(courier.uuid());
    let (id, name, volume) = Generator::default().place(name, volume);

    service.add_place(courier, id, &name, volume).await?;

    Ok(Response::new(AddStoragePlaceResponse { storage_place_id: id.to_string() }))
}
