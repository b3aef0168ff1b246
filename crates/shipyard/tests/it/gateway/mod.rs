//! The gateway as outside callers see it: Envoy with the configuration of `deploy/envoy`, in front of a real system.

mod check;
mod errors;
mod metrics;
mod own_ports;
mod sessions;
mod tricks;

use std::{net::SocketAddr, time::Duration};

use operations::registry::SERVICES;
use platform::ids;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::{Gateway, GatewaySettings, Upstream};

use self::check::{Check, CheckedRequest};
use crate::{
    customer::{PASSWORD, Response, send},
    system::System,
};

/// The port of the public HTTP API.
const PUBLIC: u16 = contracts::ports::ORDER;

struct Fixture {
    gateway: Gateway,
    check: Option<Check>,
    http: reqwest::Client,
}

/// A user who has registered and logged in through the gateway.
struct Caller {
    user: String,
    login: String,
    session: String,
}

impl Fixture {
    /// Starts a gateway that trusts this number of proxies, in front of the system. Returns `None` without a container
    /// engine.
    async fn start(system: &System, trusted_hops: u8) -> Option<Self> {
        Self::start_with(system, GatewaySettings { trusted_hops, ..GatewaySettings::default() }).await
    }

    /// Starts a gateway in front of the system, with a recorder of Check.
    async fn start_with(system: &System, settings: GatewaySettings) -> Option<Self> {
        let check = Check::start(system.address(&iam::SERVICE));
        let gateway =
            Gateway::start(&upstreams(system), GatewaySettings { check: Some(check.address), ..settings }).await?;
        let http = platform::http::client(Duration::from_secs(20)).unwrap();
        Some(Self { gateway, check: Some(check), http })
    }

    /// Stops the recorder, so that Check gets no response.
    async fn stop_check(&mut self) {
        if let Some(check) = self.check.take() {
            check.stop().await;
        }
    }

    /// Returns the requests that the gateway has checked, and forgets them.
    fn asked(&self) -> Vec<CheckedRequest> {
        self.check.as_ref().map(Check::taken).unwrap_or_default()
    }

    fn address(&self, port: u16) -> SocketAddr {
        self.gateway.address(port)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_to(PUBLIC, method, path)
    }

    /// Creates a request to the API that has this port in a deployment.
    fn request_to(&self, port: u16, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address(port)))
    }

    async fn get(&self, path: &str, session: &str) -> Response {
        send(self.request(Method::GET, path).header("X-Session-Uuid", session)).await
    }

    /// Sends a request that needs no session.
    async fn open(&self, path: &str, body: Value) -> Response {
        send(self.request(Method::POST, path).json(&body)).await
    }

    async fn caller(&self) -> Caller {
        let login = format!("caller-{}", ids::random().simple());
        let info = json!({ "login": login, "email": format!("{login}@example.com") });
        let body = json!({ "info": { "info": info, "password": PASSWORD } });
        let registered = self.open("/api/v1/iam/register", body).await.success(200);
        let session = self.log_in(&login, PASSWORD).await.success(200)["session_uuid"].as_str().unwrap().to_owned();
        Caller { user: registered["user_uuid"].as_str().unwrap().to_owned(), login, session }
    }

    async fn log_in(&self, login: &str, password: &str) -> Response {
        self.open("/api/v1/iam/login", json!({ "login": login, "password": password })).await
    }
}

/// The services of a system with their addresses.
fn upstreams(system: &System) -> Vec<Upstream> {
    let address = |name: String| -> SocketAddr { system.variable(&name).parse().unwrap() };
    let upstreams = SERVICES.into_iter().map(|service| Upstream {
        name: service.name,
        apis: service.apis().into_iter().map(|api| (api.port, address(api.listen))).collect(),
        admin: (service.admin_port, address(service.variable("ADMIN_LISTEN"))),
    });
    upstreams.collect()
}
