//! The requests of customers, and which answers are failures.

use std::{sync::Arc, time::Duration};

use client::{
    customer::registration,
    shop::{Shop, within},
};
use contracts::proto::{
    auth::v1::WhoamiRequest, inventory::v1::ListPartsRequest, user::v1::user_service_client::UserServiceClient,
};
use futures::future::BoxFuture;
use platform::ids;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use super::{Customer, Customers};
use crate::Places;

/// The time that a request has, from when it is sent.
pub const LIMIT: Duration = Duration::from_secs(5);
const ORDERS: &str = "/api/v1/orders";

/// What a customer asks for.
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
}

impl Kind {
    /// Requests of one customer that follow each other.
    pub const ROUND: usize = 5;

    /// The kind of request `number`, at `rate` a second: every second round visits, and every two seconds a user registers.
    pub fn of(number: usize, rate: u32) -> Self {
        let every = usize::try_from(rate).unwrap_or(1).saturating_mul(2).max(Self::ROUND * 2);
        if number % every == Self::ROUND * 2 - 2 {
            return Self::Register;
        }
        match number % (Self::ROUND * 2) {
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
        }
    }

    /// The request as a future that says why it failed.
    pub fn send(self, customers: &Customers, customer: Arc<Customer>) -> BoxFuture<'static, Result<(), String>> {
        let visitor = customers.visitor.clone();
        let places = customers.places.clone();
        Box::pin(async move {
            let answer = async {
                match self {
                    Self::Create => create(&customer).await,
                    Self::Read => read(&customer).await,
                    Self::Cancel => cancel(&customer).await,
                    Self::Whoami => whoami(&customer).await,
                    Self::Parts => parts(&customer).await,
                    Self::Visit => ask(&visitor, Method::GET, ORDERS, &customer.session, None).await.map(|_| ()),
                    Self::Register => register(&places).await,
                }
            };
            timeout(LIMIT, answer).await.unwrap_or_else(|_| Err(format!("no answer within {} s", LIMIT.as_secs())))
        })
    }
}

/// The first cause of an error, without addresses and ports, which differ from request to request.
#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn brief(error: anyhow::Error) -> String {
    error.chain().last().map_or_else(String::new, ToString::to_string)
}

async fn ask(
    shop: &Shop,
    method: Method,
    path: &str,
    session: &str,
    body: Option<serde_json::Value>,
) -> Result<serde_json::Value, String> {
    let answer = shop.ask(method, path, Some(session), body).await.map_err(brief)?;
    let code = || {
        let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    };
    if answer.status.is_success() {
        return Ok(serde_json::from_str(&answer.text).unwrap_or_default());
    }
    match (answer.status, code()) {
        // Two answers that a shop in good health gives: other customers were faster.
        (StatusCode::CONFLICT, code) if code == "OUT_OF_STOCK" => Ok(serde_json::Value::Null),
        (status, code) => Err(format!("{} {code}", status.as_u16()).trim_end().to_owned()),
    }
}

async fn create(customer: &Customer) -> Result<(), String> {
    let body = json!({ "user_uuid": customer.user, "part_uuids": [customer.part] });
    let made = ask(&customer.shop, Method::POST, ORDERS, &customer.session, Some(body)).await?;
    if let Some(order) = made["order_uuid"].as_str().and_then(|uuid| uuid.parse().ok()) {
        customer.orders().push_back(order);
    }
    Ok(())
}

async fn read(customer: &Customer) -> Result<(), String> {
    let order = customer.orders().back().copied();
    let path = order.map_or_else(|| ORDERS.to_owned(), |order| format!("{ORDERS}/{order}"));
    ask(&customer.shop, Method::GET, &path, &customer.session, None).await.map(|_| ())
}

/// Cancels the oldest order, so that its parts can be sold again; reads where there is none.
async fn cancel(customer: &Customer) -> Result<(), String> {
    let Some(order) = customer.orders().pop_front() else { return read(customer).await };
    let path = format!("{ORDERS}/{order}/cancel");
    ask(&customer.shop, Method::POST, &path, &customer.session, None).await.map(|_| ())
}

async fn whoami(customer: &Customer) -> Result<(), String> {
    let request = WhoamiRequest { session_uuid: customer.session.clone() };
    customer.shop.auth().whoami(request).await.map(|_| ()).map_err(refused)
}

async fn parts(customer: &Customer) -> Result<(), String> {
    let request = within(&customer.session, ListPartsRequest::default()).map_err(brief)?;
    customer.shop.inventory().list_parts(request).await.map(|_| ()).map_err(refused)
}

async fn register(places: &Places) -> Result<(), String> {
    let login = format!("abuse-{:.12}", ids::random().simple().to_string());
    let channel = places.trust.channel(&places.iam, LIMIT).map_err(brief)?;
    UserServiceClient::new(channel).register(registration(&login, Vec::new())).await.map(|_| ()).map_err(refused)
}

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn refused(status: tonic::Status) -> String {
    format!("{:?}", status.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_cancels_as_much_as_it_creates_and_users_register_every_two_seconds() {
        let kinds: Vec<Kind> = (0..1000).map(|number| Kind::of(number, 50)).collect();
        let count = |kind| kinds.iter().filter(|one| **one == kind).count();

        assert_eq!(count(Kind::Create), 200);
        assert_eq!(count(Kind::Register), 10);
        assert_eq!(count(Kind::Visit) + count(Kind::Register), 100);
        assert_eq!((count(Kind::Cancel), count(Kind::Read)), (200, 100));
    }
}
