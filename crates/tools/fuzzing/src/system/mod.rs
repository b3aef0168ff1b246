//! All services in one thread over their in-memory stores, which contain users, orders and a courier.

mod builder;
mod services;
mod stores;
mod users;

use std::{cell::Cell, collections::HashMap, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use contracts::events::Subscription;
use http::{HeaderValue, Request, header::HOST};
use platform::auth::{Access, Guard, MemorySessions, Rule, ServiceKey};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use uuid::Uuid;

/// The key of all services.
const SERVICE_KEY: &str = "a key of fuzzing, long enough for HS256";
/// The limit of concurrent calls: more than one thread makes.
const SLOTS: usize = 64;
/// After this many inputs the system is created again, so that stored data does not accumulate.
const INPUTS_PER_SYSTEM: u32 = 2_000;
/// The length of windows and expiries: longer than a system lives.
const DAY: Duration = Duration::from_hours(24);

thread_local! {
    static SYSTEM: Cell<Option<(System, u32)>> = const { Cell::new(None) };
}

/// Values in the stores, for inputs to refer to.
pub struct Known {
    /// UUIDs of users, orders, parts, a courier and a transaction.
    pub uuids: Vec<Uuid>,
    pub user_session: String,
    pub operator_session: String,
    /// A session that iam itself knows. The guards of the other services know the sessions above.
    pub iam_session: String,
}

pub struct GrpcApi {
    pub service: &'static str,
    pub rules: &'static [Rule],
    router: Router,
}

/// The APIs and consumers of all services.
pub struct Services {
    pub known: Known,
    order: Router,
    delivery: Router,
    intake: Router,
    pub grpc: Vec<GrpcApi>,
    pub subscriptions: Vec<Subscription>,
}

pub struct System {
    runtime: Runtime,
    pub services: Services,
    /// The keys of the callers that access rules name: services and the tool.
    keys: HashMap<&'static str, ServiceKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpApi {
    Order,
    Delivery,
    Intake,
}

/// Runs `property` with this thread's system. If it panics, the system is discarded.
pub fn with(property: impl FnOnce(&System)) {
    let (system, age) = SYSTEM.take().unwrap_or_else(|| (System::new(), 0));
    property(&system);
    if age < INPUTS_PER_SYSTEM {
        SYSTEM.set(Some((system, age + 1)));
    }
}

impl System {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let services = runtime.block_on(services::build());
        let callers = services.grpc.iter().flat_map(|api| api.rules).flat_map(|rule| rule.access.services());
        let keys = callers.map(|name| (*name, key(name))).collect();
        Self { runtime, services, keys }
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Sends a request; without a `Host`, to the host `shop`.
    pub fn http(&self, api: HttpApi, mut request: Request<Body>) -> Response {
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("shop"));
        let router = match api {
            HttpApi::Order => &self.services.order,
            HttpApi::Delivery => &self.services.delivery,
            HttpApi::Intake => &self.services.intake,
        };
        self.run(send(router, request))
    }

    /// Returns the `authorization` value for calls of `caller` to `service`.
    pub fn token(&self, caller: &'static str, service: &'static str) -> String {
        let key = self.keys.get(caller).expect("a caller that rules name");
        format!("Bearer {}", key.token(service).expect("a token"))
    }
}

impl GrpcApi {
    pub fn access(&self, path: &str) -> Access {
        let rule = self.rules.iter().find(|rule| rule.method == path);
        rule.expect("a server without a rule does not start").access
    }

    pub async fn send(&self, request: Request<Body>) -> Response {
        send(&self.router, request).await
    }
}

async fn send(router: &Router, request: Request<Body>) -> Response {
    router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
}

fn key(service: &'static str) -> ServiceKey {
    ServiceKey::new(service, &SERVICE_KEY.into()).expect("the key is long enough")
}

fn guard(service: &'static str, sessions: &Arc<MemorySessions>, rules: &'static [Rule]) -> Guard {
    Guard::new(sessions.clone(), key(service), rules)
}
