//! `AddCourier`: adds a courier at a random location.

use contracts::proto::delivery::v1::{AddCourierRequest, AddCourierResponse};
use platform::invalid::InvalidFields;
use tonic::{Request, Response, Status};

use crate::{
    generate::Generator,
    model::{Name, Speed},
    service::DeliveryService,
};

pub async fn handle(
    service: &DeliveryService,
    request: Request<AddCourierRequest>,
) -> Result<Response<AddCourierResponse>, Status> {
    let AddCourierRequest { name, speed } = request.into_inner();
    let mut invalid = InvalidFields::default();
    let name = invalid.check("name", Name::new(name));
    let speed = invalid.check("speed", Speed::new(speed.into()).ok_or("must be from 1 to 100"));
    let (Some(name), Some(speed)) = (name, speed) else { return Err(invalid.into()) };
    let courier = Generator::default().courier(name, speed);

    service.add_courier(&courier).await?;

    Ok(Response::new(AddCourierResponse { courier_id: courier.id.to_string() }))
}
