//! A registered user with a session: its requests, and which responses count as failures.

use std::{borrow::Cow, sync::Arc, time::Duration};

use client::{
    customer::{ORDERS, PASSWORD},
    shop::{Shop, within},
};
use contracts::proto::{
    auth::v1::{LoginRequest, WhoamiRequest},
    inventory::v1::ListPartsRequest,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::sleep};
use tonic::Status;
use uuid::Uuid;

/// The number of orders or parts on a page.
const PAGE_SIZE: u32 = 20;
/// The bounds of the pause between two reads of an order whose ship is not assembled yet. The pause is a tenth of the
/// time since the payment.
const POLL_INTERVAL: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// The reason why a request failed. Equal reasons have equal texts, such as `409 OUT_OF_STOCK`.
pub type Failure = Cow<'static, str>;

#[derive(Clone)]
pub struct Account {
    pub shop: Shop,
    pub user: Uuid,
    pub login: String,
    pub session: String,
    /// Limits concurrent HTTP requests, and so connections. A request's wait for a permit counts as latency.
    pub connections: Arc<Semaphore>,
}

impl Account {
    pub async fn create(&self, parts: &[Uuid]) -> Result<Uuid, Failure> {
        let body = json!({ "user_uuid": self.user, "part_uuids": parts });
        let created = self.ask(Method::POST, ORDERS, Some(body)).await?;
        uuid(&created, "order_uuid").ok_or(Failure::Borrowed("a response without order_uuid"))
    }

    pub async fn pay(&self, order: Uuid) -> Result<(), Failure> {
        let body = json!({ "payment_method": "CARD" });
        let paid = self.ask(Method::POST, &format!("{ORDERS}/{order}/pay"), Some(body)).await?;
        uuid(&paid, "transaction_uuid").map(|_| ()).ok_or(Failure::Borrowed("a response without transaction_uuid"))
    }

    pub async fn cancel(&self, order: Uuid) -> Result<(), Failure> {
        self.ask(Method::POST, &format!("{ORDERS}/{order}/cancel"), None).await.map(|_| ())
    }

    pub async fn get(&self, order: Uuid) -> Result<String, Failure> {
        let found = self.ask(Method::GET, &format!("{ORDERS}/{order}"), None).await?;
        if uuid(&found, "order_uuid") != Some(order) {
            return Err(Failure::Borrowed("a response with another order"));
        }
        Ok(found["status"].as_str().unwrap_or_default().to_owned())
    }

    pub async fn list(&self) -> Result<(), Failure> {
        let page = self.ask(Method::GET, &format!("{ORDERS}?limit={PAGE_SIZE}"), None).await?;
        page["orders"].as_array().map(|_| ()).ok_or(Failure::Borrowed("a response without orders"))
    }

    pub async fn whoami(&self) -> Result<(), Failure> {
        let request = WhoamiRequest { session_uuid: self.session.clone(), ..WhoamiRequest::default() };
        let response = self.shop.auth().whoami(request).await.map_err(|status| refused(&status))?.into_inner();
        let user = response.user.and_then(|user| user.uuid.parse().ok());
        if user == Some(self.user) { Ok(()) } else { Err(Failure::Borrowed("a response with another user")) }
    }

    /// Logs in again. Returns the new session.
    pub async fn log_in(&self) -> Result<String, Failure> {
        self.open_session().await.map_err(|status| refused(&status))
    }

    pub(crate) async fn open_session(&self) -> Result<String, Status> {
        let request = LoginRequest { login: self.login.clone(), password: PASSWORD.to_owned() };
        Ok(self.shop.auth().login(request).await?.into_inner().session_uuid)
    }

    pub async fn parts(&self) -> Result<(), Failure> {
        let list = ListPartsRequest { page_size: PAGE_SIZE, ..ListPartsRequest::default() };
        let request = within(&self.session, list).map_err(|error| brief(&error))?;
        self.shop.inventory().list_parts(request).await.map(|_| ()).map_err(|status| refused(&status))
    }

    /// Creates an order, pays it, and reads it until its ship is assembled.
    pub async fn whole(&self, parts: &[Uuid]) -> Result<(), Failure> {
        let order = self.create(parts).await.map_err(|failure| at("create", &failure))?;
        self.pay(order).await.map_err(|failure| at("pay", &failure))?;
        let paid = tokio::time::Instant::now();
        loop {
            match self.get(order).await.map_err(|failure| at("get", &failure))?.as_str() {
                "ASSEMBLED" => return Ok(()),
                "PENDING_PAYMENT" | "PAID" => {
                    sleep((paid.elapsed() / 10).clamp(POLL_INTERVAL.0, POLL_INTERVAL.1)).await;
                }
                other => return Err(Failure::Owned(format!("the order is {other}"))),
            }
        }
    }

    /// Sends a request to order. Returns the body of a success, or null without a body.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let _turn = self.connections.acquire().await.map_err(|_| Failure::Borrowed("no connection"))?;
        let asked = self.shop.ask(method, path, Some(&self.session), body).await;
        let response = asked.map_err(|error| brief(&error))?;
        let body = serde_json::from_str(&response.text).unwrap_or(Value::Null);
        if response.status.is_success() {
            return Ok(body);
        }
        let code = body["code"].as_str().unwrap_or_default();
        Err(Failure::Owned(format!("{} {code}", response.status.as_u16()).trim_end().to_owned()))
    }
}

/// Returns an error's root cause, without addresses and ports, which differ between requests.
pub fn brief(error: &anyhow::Error) -> Failure {
    Failure::Owned(error.chain().last().map_or_else(String::new, ToString::to_string))
}

/// Returns the status code of a failed call.
pub fn refused(status: &Status) -> Failure {
    Failure::Owned(format!("{:?}", status.code()))
}

fn at(step: &str, failure: &Failure) -> Failure {
    Failure::Owned(format!("{step}: {failure}"))
}

fn uuid(body: &Value, member: &str) -> Option<Uuid> {
    body[member].as_str()?.parse().ok()
}
