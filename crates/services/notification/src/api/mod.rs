//! The gRPC API, one file per RPC.

mod list_notifications;
mod resend_notification;

use contracts::proto::DESCRIPTORS;
use contracts::proto::notification::v1::{
    ListNotificationsRequest, ListNotificationsResponse, ResendNotificationRequest, ResendNotificationResponse,
    notification_service_server::{NotificationService as Rpc, NotificationServiceServer},
};
use platform::{auth::Rule, grpc::Services};
use tonic::{Request, Response, Status};

use crate::service::NotificationService;

/// Users may list and resend notifications about their own orders, the order service about every order.
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
        list_notifications::handle(&self.service, request).await
    }

    async fn resend_notification(
        &self,
        request: Request<ResendNotificationRequest>,
    ) -> Result<Response<ResendNotificationResponse>, Status> {
        resend_notification::handle(&self.service, request).await
    }
}
