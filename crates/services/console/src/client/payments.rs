//! The client of payment: the payments of an order and of a user, and the balance of a user.

use contracts::{
    ids::OrderId,
    proto::payment::v1::{
        GetBalanceRequest, GetPaymentRequest, ListPaymentsRequest, ListPaymentsResponse, Payment,
        payment_service_client::PaymentServiceClient,
    },
};
use platform::grpc::Peer;
use tonic::{Code, Status};
use uuid::Uuid;

#[derive(Clone)]
pub struct Payments {
    client: PaymentServiceClient<Peer>,
}

impl Payments {
    /// `payment` forwards the credential of the request.
    pub fn new(payment: Peer) -> Self {
        Self { client: PaymentServiceClient::new(payment) }
    }

    /// Returns the attempt to pay an order that was not declined, otherwise the latest; `None` if there was none.
    pub async fn of_order(&self, order: OrderId) -> Result<Option<Payment>, Status> {
        let request = GetPaymentRequest { order_uuid: order.to_string() };
        match self.client.clone().get_payment(request).await {
            Ok(answer) => Ok(answer.into_inner().payment),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// Returns a page of the user's statement; the first one for an empty token. A size of 0 is payment's default.
    pub async fn of_user(
        &self,
        user: Uuid,
        page_token: String,
        page_size: u32,
    ) -> Result<ListPaymentsResponse, Status> {
        let request = ListPaymentsRequest { user_uuid: user.to_string(), page_size, page_token };
        Ok(self.client.clone().list_payments(request).await?.into_inner())
    }

    /// Returns the balance of the session's user in minor units.
    pub async fn balance(&self, user: Uuid) -> Result<i64, Status> {
        let request = GetBalanceRequest { user_uuid: user.to_string() };
        Ok(self.client.clone().get_balance(request).await?.into_inner().balance_minor)
    }
}
