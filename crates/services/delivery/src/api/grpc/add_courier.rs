//! `AddCourier`: adds a courier at a random location.

use contracts::proto::delivery::v1::{AddCourierRequest, AddCourierResponse};
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
    let name = Name::new(name).map_err(|error| Status::invalid_argument(format!("name: {error}")))?;
    let speed = Speed::new(speed.into()).ok_or_else(|| Status::invalid_argument("speed: is not between 1 and 100"))?;
    let courier = Generator::default().courier(name, speed);

    service.add_courier(&courier).await?;

    Ok(Response::new(AddCourierResponse { courier_id: courier.id.to_string() }))
}
