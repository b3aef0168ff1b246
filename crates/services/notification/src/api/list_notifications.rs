//! `ListNotifications`: the notifications about one order.

use contracts::{
    ids::OrderId,
    proto::notification::v1::{ListNotificationsRequest, ListNotificationsResponse, Notification, NotificationStatus},
};
use platform::grpc::{caller, parse_uuid, timestamp};
use tonic::{Request, Response, Status};

use crate::{model, service::NotificationService};

pub async fn handle(
    service: &NotificationService,
    request: Request<ListNotificationsRequest>,
) -> Result<Response<ListNotificationsResponse>, Status> {
    let caller = caller(&request)?;
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    let notifications = service.list(&caller, order).await?;

    Ok(Response::new(ListNotificationsResponse { notifications: notifications.iter().map(encode).collect() }))
}

pub fn encode(notification: &model::Notification) -> Notification {
    let status = match notification.status {
        model::Status::Queued => NotificationStatus::Queued,
        model::Status::Sent => NotificationStatus::Sent,
        model::Status::Failed => NotificationStatus::Failed,
    };
    Notification {
        uuid: notification.id.to_string(),
        order_uuid: notification.order.to_string(),
        user_uuid: notification.user.to_string(),
        kind: notification.kind.as_str().to_owned(),
        status: status.into(),
        attempts: u32::try_from(notification.attempts).unwrap_or_default(),
        ambiguous: notification.ambiguous,
        created_at: Some(timestamp(notification.created_at)),
        sent_at: notification.sent_at.map(timestamp),
    }
}
