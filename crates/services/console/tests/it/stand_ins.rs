//! Stand-ins for order and inventory, which the fixture does not have.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use contracts::proto::inventory::v1::{
    ListPartsRequest, ListPartsResponse, Part,
    inventory_service_server::{InventoryService, InventoryServiceServer},
};
use platform::{auth::Access, grpc::Services, http, server::readiness::Readiness};
use serde_json::json;
use testkit::Running;
use tokio::net::TcpListener;
use tonic::{Request, Response as Reply, Status};
use uuid::Uuid;

type Requests = Arc<Mutex<Vec<Seen>>>;
type Refusal = Arc<Mutex<(StatusCode, &'static str)>>;

/// The order service: refuses each request with a problem, and records it.
pub struct Order {
    pub address: SocketAddr,
    seen: Requests,
    refusal: Refusal,
    _server: Running,
}

/// A request that the order service received.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method and the path, such as `GET /api/v1/orders`.
    pub request: String,
    headers: HeaderMap,
    pub body: String,
}

async fn refuse(
    State((seen, refusal)): State<(Requests, Refusal)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = String::from_utf8_lossy(&body).into_owned();
    seen.lock().unwrap().push(Seen { request: format!("{method} {}", uri.path()), headers, body });
    let (status, code) = *refusal.lock().unwrap();
    let problem = json!({ "code": code, "message": "refused", "status": status.as_u16() });
    let headers = [("content-type", "application/problem+json"), ("retry-after", "2")];
    (status, headers, problem.to_string()).into_response()
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Order {
    pub async fn start() -> Self {
        let seen: Requests = Arc::default();
        let refusal: Refusal = Arc::new(Mutex::new((StatusCode::CONFLICT, "OUT_OF_STOCK")));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(refuse).with_state((seen.clone(), refusal.clone()));
        let server = testkit::run(|stop| http::serve(listener, router, Readiness::default(), stop));
        Self { address, seen, refusal, _server: server }
    }

    /// Sets the response to all further requests.
    pub fn refuse_with(&self, status: u16, code: &'static str) {
        *self.refusal.lock().unwrap() = (StatusCode::from_u16(status).unwrap(), code);
    }

    /// Returns the requests until now, and forgets them.
    pub fn all(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// Returns the last request, and forgets all.
    pub fn last(&self) -> Seen {
        self.all().pop().expect("the console asks the order service")
    }
}

/// Starts an order service that does not respond.
pub async fn silent_order() -> (SocketAddr, Running) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(std::future::pending::<()>);
    (address, testkit::run(|stop| http::serve(listener, router, Readiness::default(), stop)))
}

/// Starts the inventory service with one part.
pub async fn inventory(part: Uuid) -> (SocketAddr, Running) {
    let services = Services::new(contracts::proto::DESCRIPTORS).with(InventoryServiceServer::new(Inventory { part }));
    testkit::serve(testkit::guard("inventory", &[]).otherwise(Access::Public), services).await
}

struct Inventory {
    part: Uuid,
}

#[tonic::async_trait]
impl InventoryService for Inventory {
    async fn list_parts(&self, _: Request<ListPartsRequest>) -> Result<Reply<ListPartsResponse>, Status> {
        let part = Part {
            uuid: self.part.to_string(),
            name: "Window A".to_owned(),
            price: 100.0,
            stock_quantity: 1,
            ..Part::default()
        };
        Ok(Reply::new(ListPartsResponse { parts: vec![part], ..ListPartsResponse::default() }))
    }
}
