//! The client of notification: the messages about an order.

use contracts::{
    ids::OrderId,
    proto::notification::v1::{
        ListNotificationsRequest, ListNotificationsResponse, notification_service_client::NotificationServiceClient,
    },
};
use platform::grpc::Peer;
use tonic::Status;

#[derive(Clone)]
pub struct Notifications {
    client: NotificationServiceClient<Peer>,
}

impl Notifications {
    /// `notification` forwards the credential of the request.
    pub fn new(notification: Peer) -> Self {
        Self { client: NotificationServiceClient::new(notification) }
    }

    /// Returns the messages about an order, the oldest first; none if it is another user's.
    pub async fn of_order(&self, order: OrderId) -> Result<ListNotificationsResponse, Status> {
        let request = ListNotificationsRequest { order_uuid: order.to_string() };
        Ok(self.client.clone().list_notifications(request).await?.into_inner())
    }
}
