//! The gRPC API, one file per RPC.

mod list_notifications;

use contracts::proto::DESCRIPTORS;
use contracts::proto::notification::v1::{
    ListNotificationsRequest, ListNotificationsResponse,
    notification_service_server::{NotificationService as Rpc, NotificationServiceServer},
};
use platform::{auth::Access, grpc::Services};
use tonic::{Request, Response, Status};

use crate::service::NotificationService;

/// Every RPC needs a session or a service token.
pub fn access(_path: &str) -> Access {
    Access::Session
}

pub struct Grpc {
    service: NotificationService,
}

/// The gRPC services that the server serves.
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
}
