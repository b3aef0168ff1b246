//! gRPC client of the payment service, with the identity of customers.

use std::time::Duration;

use async_trait::async_trait;
use contracts::proto::payment::v1::{CreditRequest, payment_service_client::PaymentServiceClient};
use platform::{
    deadline,
    grpc::{Peer, is_refusal, is_transient, reason},
    retry::Budget,
};

use super::{CreditError, Credits};
use crate::model::Loan;

/// Limits one credit, retries included.
const CREDIT_TIMEOUT: Duration = Duration::from_secs(2);

pub struct GrpcPayment {
    client: PaymentServiceClient<Peer>,
    budget: Budget,
}

impl GrpcPayment {
    /// Creates the client. `payment` must carry this service's identity.
    pub fn new(payment: Peer) -> Self {
        Self { client: PaymentServiceClient::new(payment), budget: Budget::new("payment") }
    }
}

#[async_trait]
impl Credits for GrpcPayment {
    async fn credit(&self, loan: &Loan) -> Result<(), CreditError> {
        let request = CreditRequest {
            user_uuid: loan.customer.to_string(),
            reference: loan.id.to_string(),
            amount_minor: loan.amount.minor(),
        };
        let asked = self.budget.retry(is_transient, || {
            let (mut client, request) = (self.client.clone(), request.clone());
            async move { client.credit(request).await }
        });
        match deadline::within(CREDIT_TIMEOUT, asked).await {
            Ok(_) => Ok(()),
            Err(status) if is_refusal(&status) => {
                let code = || format!("{:?}", status.code());
                Err(CreditError::Refused(reason(&status).map_or_else(code, str::to_owned)))
            }
            Err(status) => Err(CreditError::Unavailable(format!("{:?}: {}", status.code(), status.message()))),
        }
    }
}
