//! A customer of the system, with plain HTTP and gRPC clients.

use std::time::Duration;

pub use client::customer::{ORDERS, PASSWORD};
use contracts::proto::{
    auth::v1::{LoginRequest, auth_service_client::AuthServiceClient},
    common::v1::UserInfo,
    inventory::v1::{GetPartRequest, ListPartsRequest, Part, inventory_service_client::InventoryServiceClient},
    user::v1::{
        RegisterRequest, UserRegistrationInfo, contact_service_client::ContactServiceClient,
        user_service_client::UserServiceClient,
    },
};
use platform::ids;
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use testkit::eventually;
use tonic::{
    Request,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};
use uuid::Uuid;

use crate::system::System;

pub struct Customer {
    pub user: Uuid,
    pub session: String,
    pub login: String,
    http: reqwest::Client,
    order: String,
    iam: String,
    inventory: String,
}

/// A response of the order service.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{self:?} is not JSON"))
    }

    /// Asserts success with this status. Returns the body.
    pub fn success(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert!(!self.text.to_lowercase().contains("error"), "{self:?}");
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// Asserts a problem with this status and code. Returns the body.
    pub fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let body = self.json();
        assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)), "{self:?}");
        for member in ["type", "title", "detail", "message"] {
            assert!(body[member].is_string(), "{member} in {self:?}");
        }
        body
    }
}

impl Customer {
    /// A new customer, registered and logged in at `system`.
    pub async fn new(system: &System) -> Self {
        let [order, iam, inventory] =
            [&order::SERVICE, &iam::SERVICE, &inventory::SERVICE].map(|service| system.address(service).to_string());
        Self::at(&order, &iam, &inventory).await
    }

    /// A new customer, registered and logged in at services with these addresses.
    pub async fn at(order: &str, iam: &str, inventory: &str) -> Self {
        let mut customer = Self {
            user: Uuid::nil(),
            session: String::new(),
            login: format!("customer-{}", ids::random().simple()),
            http: platform::http::client(Duration::from_secs(15)).unwrap(),
            order: format!("http://{order}"),
            iam: iam.to_owned(),
            inventory: inventory.to_owned(),
        };
        let info = UserInfo {
            login: customer.login.clone(),
            email: format!("{}@example.com", customer.login),
            notification_methods: Vec::new(),
        };
        let info = UserRegistrationInfo { info: Some(info), password: PASSWORD.to_owned() };
        let response = customer.users().register(RegisterRequest { info: Some(info) }).await.unwrap().into_inner();
        customer.user = response.user_uuid.parse().unwrap();
        customer.log_in().await;
        customer
    }

    pub async fn log_in(&mut self) {
        let request = LoginRequest { login: self.login.clone(), password: PASSWORD.to_owned() };
        self.session = self.auth().login(request).await.unwrap().into_inner().session_uuid;
    }

    pub fn auth(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(channel(&self.iam))
    }

    pub fn users(&self) -> UserServiceClient<Channel> {
        UserServiceClient::new(channel(&self.iam))
    }

    pub fn contacts(&self) -> ContactServiceClient<Channel> {
        ContactServiceClient::new(channel(&self.iam))
    }

    /// A gRPC request within this customer's session.
    pub fn within<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("session-uuid", MetadataValue::try_from(&self.session).unwrap());
        request
    }

    pub async fn parts(&self) -> Vec<Part> {
        let mut inventory = InventoryServiceClient::new(channel(&self.inventory));
        inventory.list_parts(self.within(ListPartsRequest::default())).await.unwrap().into_inner().parts
    }

    pub async fn part(&self, name: &str) -> Part {
        let parts = self.parts().await;
        parts.into_iter().find(|part| part.name == name).unwrap_or_else(|| panic!("no part {name}"))
    }

    /// The available stock of a part.
    pub async fn stock(&self, part: &str) -> i64 {
        let mut inventory = InventoryServiceClient::new(channel(&self.inventory));
        let request = self.within(GetPartRequest { uuid: part.to_owned() });
        inventory.get_part(request).await.unwrap().into_inner().part.unwrap().stock_quantity
    }

    /// A request without a session.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.order))
    }

    pub async fn get(&self, path: &str) -> Response {
        send(self.request(Method::GET, path).header("X-Session-Uuid", &self.session)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        send(self.request(Method::POST, path).header("X-Session-Uuid", &self.session).json(&body)).await
    }

    /// A POST that can be retried under `key`.
    pub async fn post_once(&self, key: &str, path: &str, body: Value) -> reqwest::Result<Response> {
        let request = self.request(Method::POST, path).header("X-Session-Uuid", &self.session);
        try_send(request.header("Idempotency-Key", key).json(&body)).await
    }

    /// Returns the order's uuid.
    pub async fn order(&self, parts: &[&str]) -> Uuid {
        self.order_as(json!({ "user_uuid": self.user, "part_uuids": parts })).await
    }

    /// Orders a part, for delivery to an address. Returns the order's uuid.
    pub async fn order_to(&self, address: &str, part: &str) -> Uuid {
        self.order_as(json!({ "user_uuid": self.user, "part_uuids": [part], "delivery_address": address })).await
    }

    async fn order_as(&self, body: Value) -> Uuid {
        let created = self.post(ORDERS, body).await.success(201);
        created["order_uuid"].as_str().unwrap().parse().unwrap()
    }

    pub async fn pay(&self, order: Uuid) -> Response {
        self.post(&format!("{ORDERS}/{order}/pay"), json!({ "payment_method": "CARD" })).await
    }

    pub async fn cancel(&self, order: Uuid) -> Response {
        self.post(&format!("{ORDERS}/{order}/cancel"), json!({})).await
    }

    pub async fn find(&self, order: Uuid) -> Value {
        self.get(&format!("{ORDERS}/{order}")).await.success(200)
    }

    pub async fn until(&self, order: Uuid, status: &str) {
        let path = format!("{ORDERS}/{order}");
        eventually(async || {
            let request = self.request(Method::GET, &path).header("X-Session-Uuid", &self.session);
            let response = try_send(request).await.ok().filter(|response| response.status == 200)?;
            (response.json()["status"] == status).then_some(())
        })
        .await;
    }
}

pub async fn send(request: RequestBuilder) -> Response {
    try_send(request).await.unwrap()
}

async fn try_send(request: RequestBuilder) -> reqwest::Result<Response> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Response { status, headers, text: response.text().await? })
}

fn channel(address: &str) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.timeout(Duration::from_secs(15)).connect_lazy()
}

/// The members of a new order that are texts of its user: strings without a format.
pub fn texts_of_order() -> Vec<String> {
    let describe = order::SERVICE.openapi.unwrap();
    let api = serde_json::to_value(describe()).unwrap();
    let members = api["components"]["schemas"]["CreateOrder"]["properties"].as_object().unwrap();
    let is_text = |schema: &Value| {
        let kind = &schema["type"];
        let is_string = kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("string")));
        is_string && schema["format"].is_null()
    };
    members.iter().filter(|(_, schema)| is_text(schema)).map(|(name, _)| name.clone()).collect()
}
