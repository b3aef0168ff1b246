//! The client of customers: the identity and the loans of a user.

use contracts::proto::customers::v1::{
    Customer, GetCustomerRequest, ListLoansRequest, Loan, RollbackKycRequest,
    customer_service_client::CustomerServiceClient,
};
use platform::grpc::Peer;
use tonic::{Code, Status};
use uuid::Uuid;

#[derive(Clone)]
pub struct Customers {
    client: CustomerServiceClient<Peer>,
}

impl Customers {
    /// `customers` forwards the credential of the request.
    pub fn new(customers: Peer) -> Self {
        Self { client: CustomerServiceClient::new(customers) }
    }

    /// Returns the customer data of `user`, the session's user, or `None` if this user is not a customer.
    pub async fn customer(&self, user: Uuid) -> Result<Option<Customer>, Status> {
        let request = GetCustomerRequest { customer_id: user.to_string() };
        match self.client.clone().get_customer(request).await {
            Ok(answer) => Ok(answer.into_inner().customer),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// Rejects a verified customer on behalf of the session's user, who must be an operator. Returns the customer's status.
    pub async fn roll_back(&self, customer_id: String, reason: String) -> Result<String, Status> {
        let request = RollbackKycRequest { customer_id, reason };
        let customer = self.client.clone().rollback_kyc(request).await?.into_inner().customer;
        Ok(customer.unwrap_or_default().kyc_status)
    }

    /// Returns the loans of the session's user, the newest first, at most a thousand.
    pub async fn loans(&self, user: Uuid) -> Result<Vec<Loan>, Status> {
        let request = ListLoansRequest { customer_id: user.to_string(), ..ListLoansRequest::default() };
        Ok(self.client.clone().list_loans(request).await?.into_inner().loans)
    }
}
