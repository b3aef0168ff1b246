//! The requests of a customer, with the expected responses to each.

use client::customer::ORDERS;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::counters::Kind;

/// A request, equal in every attempt.
#[derive(Clone, Debug)]
pub struct Request {
    pub kind: Kind,
    pub method: Method,
    pub path: String,
    pub key: Option<String>,
    pub body: Option<Value>,
    /// The status of a success.
    pub success: u16,
    /// The problem codes that are expected refusals.
    pub refusals: &'static [&'static str],
}

impl Request {
    pub fn create(key: String, user: Uuid, parts: &[Uuid], address: Option<&str>) -> Self {
        let mut body = json!({ "user_uuid": user, "part_uuids": parts });
        if let Some(address) = address {
            body["delivery_address"] = json!(address);
        }
        Self::post(Kind::Create, ORDERS.to_owned(), key, Some(body), 201, &["OUT_OF_STOCK"])
    }

    pub fn pay(key: String, order: Uuid, method: &str) -> Self {
        let body = json!({ "payment_method": method });
        let refusals = &["INVALID_STATUS", "OUT_OF_STOCK", "PAYMENT_DECLINED", "INSUFFICIENT_FUNDS"];
        Self::post(Kind::Pay, format!("{ORDERS}/{order}/pay"), key, Some(body), 200, refusals)
    }

    pub fn cancel(key: String, order: Uuid) -> Self {
        Self::post(Kind::Cancel, format!("{ORDERS}/{order}/cancel"), key, None, 204, &["INVALID_STATUS"])
    }

    pub fn read(order: Uuid) -> Self {
        Self::get(format!("{ORDERS}/{order}"))
    }

    /// Requests the delivery of an order. The shop refuses until delivery knows the order.
    pub fn delivery(order: Uuid) -> Self {
        Self { refusals: &["DELIVERY_NOT_FOUND"], ..Self::get(format!("{ORDERS}/{order}/delivery")) }
    }

    pub fn list() -> Self {
        Self::get(ORDERS.to_owned())
    }

    fn get(path: String) -> Self {
        Self { kind: Kind::Read, method: Method::GET, path, key: None, body: None, success: 200, refusals: &[] }
    }

    fn post(
        kind: Kind,
        path: String,
        key: String,
        body: Option<Value>,
        success: u16,
        refusals: &'static [&'static str],
    ) -> Self {
        Self { kind, method: Method::POST, path, key: Some(key), body, success, refusals }
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        self.key.as_ref().map_or(Ok(()), |key| write!(f, " ({key})"))
    }
}
