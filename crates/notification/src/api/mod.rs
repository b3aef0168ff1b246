//! The ways in: gRPC for questions, Kafka for what happened to orders.

mod happened;
mod list_notifications;

pub use happened::{Happened, Tells};
use platform::auth::Access;
use proto::notification::v1::{
    ListNotificationsRequest, ListNotificationsResponse,
    notification_service_server::{NotificationService as Rpc, NotificationServiceServer},
};
use tonic::{Request, Response, Status};

use crate::service::NotificationService;

/// Who may call what.
pub fn access(_path: &str) -> Access {
    Access::Session
}

/// The gRPC side of the service.
pub struct Grpc {
    service: NotificationService,
}

pub fn grpc(service: NotificationService) -> NotificationServiceServer<Grpc> {
    NotificationServiceServer::new(Grpc { service })
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn list_notifications(
        &self,
        request: Request<ListNotificationsRequest>,
    ) -> Result<Response<ListNotificationsResponse>, Status> {
        list_notifications::handle(&self.service, request).await
    }
}
