//! `ResendNotification`: sends a notification again.

use contracts::{
    ids::OrderId,
    proto::notification::v1::{ResendNotificationRequest, ResendNotificationResponse},
};
use platform::{
    grpc::{caller, uuid},
    invalid::InvalidFields,
};
use tonic::{Request, Response, Status};

use super::list_notifications::encode;
use crate::{model::Kind, service::NotificationService};

pub async fn handle(
    service: &NotificationService,
    request: Request<ResendNotificationRequest>,
) -> Result<Response<ResendNotificationResponse>, Status> {
    let caller = caller(&request)?;
    let ResendNotificationRequest { order_uuid, kind } = request.into_inner();
    let mut invalid = InvalidFields::default();
    let order = invalid.check("order_uuid", uuid(&order_uuid)).map(OrderId::new);
    let kind = invalid.check("kind", Kind::parse(&kind).ok_or_else(|| format!("must be one of {}", kinds())));
    let (Some(order), Some(kind)) = (order, kind) else { return Err(invalid.into()) };

    let notification = service.resend(&caller, order, kind).await?;

    Ok(Response::new(ResendNotificationResponse { notification: Some(encode(&notification)) }))
}

fn kinds() -> String {
    Kind::ALL.map(Kind::as_str).join(", ")
}
