//! The gRPC API.

use contracts::{
    ids::OrderId,
    proto::{
        DESCRIPTORS,
        notification::v1::{
            ListNotificationsRequest, ListNotificationsResponse, Notification, NotificationStatus,
            ResendNotificationRequest, ResendNotificationResponse,
            notification_service_server::{NotificationService as Rpc, NotificationServiceServer},
        },
    },
};
use platform::{
    auth::Rule,
    grpc::{Services, caller, parse_uuid, timestamp, uuid},
    invalid::InvalidFields,
};
use tonic::{Request, Response, Status};

use crate::{
    model::{self, Kind},
    service::NotificationService,
};

/// Users may list and resend notifications about their own orders; the order service may do so for every order.
pub const RULES: &[Rule] = &[
    Rule::session("/notification.v1.NotificationService/ListNotifications", &["order"]),
    Rule::session("/notification.v1.NotificationService/ResendNotification", &["order"]),
];

pub struct Grpc {
    service: NotificationService,
}

pub fn services(service: NotificationService) -> Services {
    Services::new(DESCRIPTORS).with(NotificationServiceServer::new(Grpc { service }))
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn list_notifications(
        &self,
        request: Request<ListNotificationsRequest>,
    ) -> Result<Response<ListNotificationsResponse>, Status> {
        let caller = caller(&request)?;
        let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

        let notifications = self.service.list(&caller, order).await?;

        Ok(Response::new(ListNotificationsResponse { notifications: notifications.iter().map(encode).collect() }))
    }

    async fn resend_notification(
        &self,
        request: Request<ResendNotificationRequest>,
    ) -> Result<Response<ResendNotificationResponse>, Status> {
        let caller = caller(&request)?;
        let ResendNotificationRequest { order_uuid, kind } = request.into_inner();
        let mut invalid = InvalidFields::default();
        let order = invalid.check("order_uuid", uuid(&order_uuid)).map(OrderId::new);
        let kinds = || format!("must be one of {}", Kind::ALL.map(Kind::as_str).join(", "));
        let kind = invalid.check("kind", Kind::parse(&kind).ok_or_else(kinds));
        let (Some(order), Some(kind)) = (order, kind) else { return Err(invalid.into()) };

        let notification = self.service.resend(&caller, order, kind).await?;

        Ok(Response::new(ResendNotificationResponse { notification: Some(encode(&notification)) }))
    }
}

fn encode(notification: &model::Notification) -> Notification {
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
