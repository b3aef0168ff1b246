//! The customers' requests, and which responses count as failures.

use std::{sync::Arc, time::Duration};

use crate::account::{Account, Failure, brief, refused};
use client::{addresses::ShopAddresses, customer::registration};
use contracts::proto::user::v1::user_service_client::UserServiceClient;
use futures::future::BoxFuture;
use platform::ids;
use tokio::time::timeout;

use super::{Customer, Customers};

pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Not a failure: other customers may buy the last parts.
const SOLD_OUT: &str = "409 OUT_OF_STOCK";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Create,
    Read,
    Cancel,
    Whoami,
    Parts,
    /// A list of orders on a new connection.
    Visit,
    /// The registration of a new user on a new connection.
    Register,
    /// Another login of the customer.
    Login,
}

impl Kind {
    /// The number of consecutive requests of one customer.
    pub const ROUND_LENGTH: usize = 5;

    /// Returns the kind of request `number`, at `rate` requests per second. Every second round contains a visit; every
    /// two seconds, a user registers and another one logs in again.
    pub fn from_number(number: usize, rate: u32) -> Self {
        let every = usize::try_from(rate).unwrap_or(1).saturating_mul(2).max(Self::ROUND_LENGTH * 2);
        if number % every == Self::ROUND_LENGTH * 2 - 2 {
            return Self::Register;
        }
        // A login does not replace a cancellation: orders that stay open would use up the share of a part that a user
        // may hold.
        if number % every == 3 {
            return Self::Login;
        }
        match number % (Self::ROUND_LENGTH * 2) {
            0 | 5 => Self::Create,
            1 | 6 => Self::Whoami,
            2 | 7 => Self::Parts,
            3 => Self::Read,
            8 => Self::Visit,
            _ => Self::Cancel,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Cancel => "cancel",
            Self::Whoami => "whoami",
            Self::Parts => "parts",
            Self::Visit => "visit",
            Self::Register => "register",
            Self::Login => "login",
        }
    }

    /// Sends the request. An error is the reason of its failure.
    pub fn send(self, customers: &Customers, customer: Arc<Customer>) -> BoxFuture<'static, Result<(), Failure>> {
        let visitor = customers.visitor.clone();
        let addresses = customers.addresses.clone();
        Box::pin(async move {
            let response = async {
                match self {
                    Self::Create => create(&customer).await,
                    Self::Read => read(&customer).await,
                    Self::Cancel => cancel(&customer).await,
                    Self::Whoami => customer.account.whoami().await,
                    Self::Parts => customer.account.parts().await,
                    Self::Visit => Account { shop: visitor, ..customer.account.clone() }.list().await,
                    Self::Register => register(&addresses).await,
                    Self::Login => customer.account.log_in().await.map(drop),
                }
            };
            timeout(REQUEST_TIMEOUT, response)
                .await
                .unwrap_or_else(|_| Err(Failure::Owned(format!("no response within {} s", REQUEST_TIMEOUT.as_secs()))))
        })
    }
}

async fn create(customer: &Customer) -> Result<(), Failure> {
    match customer.account.create(&[customer.part]).await {
        Ok(order) => customer.orders().push_back(order),
        Err(failure) if failure == SOLD_OUT => {}
        Err(failure) => return Err(failure),
    }
    Ok(())
}

/// Reads the latest order, or lists orders without one.
async fn read(customer: &Customer) -> Result<(), Failure> {
    let order = customer.orders().back().copied();
    match order {
        Some(order) => customer.account.get(order).await.map(|_| ()),
        None => customer.account.list().await,
    }
}

/// Cancels the oldest order, so that its parts can be sold again. Reads if there is no order.
async fn cancel(customer: &Customer) -> Result<(), Failure> {
    let order = customer.orders().pop_front();
    match order {
        Some(order) => customer.account.cancel(order).await,
        None => read(customer).await,
    }
}

async fn register(addresses: &ShopAddresses) -> Result<(), Failure> {
    let login = format!("attack-{:.12}", ids::random().simple().to_string());
    let channel = addresses.trust.channel(&addresses.iam, REQUEST_TIMEOUT).map_err(|error| brief(&error))?;
    let registered = UserServiceClient::new(channel).register(registration(&login, Vec::new())).await;
    registered.map(|_| ()).map_err(|status| refused(&status))
}
