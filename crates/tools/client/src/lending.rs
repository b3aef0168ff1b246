//! A customer's view of a loan: its identity is checked, the loan is credited, the balance grows.

use std::time::Duration;

use anyhow::Context as _;
use contracts::proto::{
    customers::v1::{
        CreateCustomerRequest, Customer, GetCustomerRequest, ListLoansRequest, Loan, UpdateCustomerRequest,
        customer_service_client::CustomerServiceClient,
    },
    payment::v1::{GetBalanceRequest, payment_service_client::PaymentServiceClient},
};
use tonic::transport::Channel;
use uuid::Uuid;

use crate::{
    shop::{success, within},
    trust::Trust,
};

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The birth date of every customer that the tools create.
pub const BIRTH_DATE: &str = "1990-12-31";

/// Clients of the services customers and payment of a running shop.
#[derive(Clone)]
pub struct Lending {
    customers: CustomerServiceClient<Channel>,
    payment: PaymentServiceClient<Channel>,
}

impl Lending {
    /// Creates the client for these addresses, which connects lazily.
    pub fn at(trust: &Trust, customers: &str, payment: &str) -> anyhow::Result<Self> {
        Ok(Self {
            customers: CustomerServiceClient::new(trust.channel(customers, CALL_TIMEOUT)?),
            payment: PaymentServiceClient::new(trust.channel(payment, CALL_TIMEOUT)?),
        })
    }

    /// Returns the client of customers, for callers that check errors themselves.
    pub fn customers(&self) -> CustomerServiceClient<Channel> {
        self.customers.clone()
    }

    /// Makes the session's user a customer.
    pub async fn create(&self, session: &str, name: &str) -> anyhow::Result<Customer> {
        let (name, birth_date) = (name.to_owned(), BIRTH_DATE.to_owned());
        let request = CreateCustomerRequest { name, birth_date, ..CreateCustomerRequest::default() };
        let response = self.customers.clone().create_customer(within(session, request)?).await;
        success("CreateCustomer", response)?.customer.context("CreateCustomer answered without a customer")
    }

    /// Changes the customer's name. `version` is the version that the caller has read.
    pub async fn update(&self, session: &str, name: &str, version: i64) -> anyhow::Result<Customer> {
        let (name, birth_date) = (name.to_owned(), BIRTH_DATE.to_owned());
        let request = UpdateCustomerRequest { name, birth_date, version, ..UpdateCustomerRequest::default() };
        let response = self.customers.clone().update_customer(within(session, request)?).await;
        success("UpdateCustomer", response)?.customer.context("UpdateCustomer answered without a customer")
    }

    pub async fn customer(&self, session: &str, user: Uuid) -> anyhow::Result<Customer> {
        let request = GetCustomerRequest { customer_id: user.to_string() };
        let response = self.customers.clone().get_customer(within(session, request)?).await;
        success("GetCustomer", response)?.customer.context("GetCustomer answered without a customer")
    }

    /// Returns the user's loans, newest first, at most a thousand.
    pub async fn loans(&self, session: &str, user: Uuid) -> anyhow::Result<Vec<Loan>> {
        let request = ListLoansRequest { customer_id: user.to_string(), ..ListLoansRequest::default() };
        Ok(success("ListLoans", self.customers.clone().list_loans(within(session, request)?).await)?.loans)
    }

    /// Returns the user's balance for INVESTOR_MONEY, in minor units.
    pub async fn balance(&self, session: &str, user: Uuid) -> anyhow::Result<i64> {
        let request = GetBalanceRequest { user_uuid: user.to_string() };
        Ok(success("GetBalance", self.payment.clone().get_balance(within(session, request)?).await)?.balance_minor)
    }
}
