//! Stand-ins for the services that hold data of users. Each returns only the data of the session's user.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::get,
};
use contracts::proto::{
    customers::v1::{
        Customer, GetCustomerRequest, GetCustomerResponse, ListLoansRequest, ListLoansResponse, Loan,
        customer_service_server::{CustomerService, CustomerServiceServer},
    },
    delivery::v1::{
        GetDeliveryStatusRequest, GetDeliveryStatusResponse,
        delivery_service_server::{DeliveryService, DeliveryServiceServer},
    },
    notification::v1::{
        ListNotificationsRequest, ListNotificationsResponse, Notification,
        notification_service_server::{NotificationService, NotificationServiceServer},
    },
    operations::v1::{
        Action, ListActionsRequest, ListActionsResponse,
        operations_service_server::{OperationsService, OperationsServiceServer},
    },
    payment::v1::{
        GetBalanceRequest, GetBalanceResponse, ListPaymentsRequest, ListPaymentsResponse, Payment,
        payment_service_server::{PaymentService, PaymentServiceServer},
    },
};
use platform::{
    auth::{Access, Credential, Guard, MemorySessions, ServiceKey, Sessions as _},
    grpc::{Services, caller},
    http, ids,
    server::readiness::Readiness,
};
use serde_json::{Value, json};
use testkit::Running;
use tokio::{net::TcpListener, sync::Semaphore};
use tonic::{Request, Response as Reply, Status};
use uuid::Uuid;

pub struct Holdings {
    held: Held,
    grpc: SocketAddr,
    http: SocketAddr,
    _servers: [Running; 2],
}

#[derive(Clone)]
struct Held {
    sessions: Arc<MemorySessions>,
    /// The orders of each user, the newest first. Intake has orders with the same uuids.
    orders: Arc<Mutex<HashMap<Uuid, Vec<Uuid>>>>,
    /// The service that does not respond.
    away: Arc<Mutex<&'static str>>,
    /// The lists of orders that were asked for, and how many may be returned.
    asked: Arc<AtomicUsize>,
    responses: Arc<Semaphore>,
    /// The number of bytes of each order of intake.
    size: Arc<AtomicUsize>,
}

impl Holdings {
    pub async fn start() -> Self {
        let held = Held {
            sessions: Arc::default(),
            orders: Arc::default(),
            away: Arc::default(),
            asked: Arc::default(),
            responses: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            size: Arc::default(),
        };
        let key = ServiceKey::new("payment", &testkit::SERVICE_KEY.into()).unwrap();
        let guard = Guard::new(held.sessions.clone(), key, &[]).otherwise(Access::Session(&[]));
        let services = Services::new(contracts::proto::DESCRIPTORS)
            .with(PaymentServiceServer::new(held.clone()))
            .with(CustomerServiceServer::new(held.clone()))
            .with(DeliveryServiceServer::new(held.clone()))
            .with(NotificationServiceServer::new(held.clone()))
            .with(OperationsServiceServer::new(held.clone()));
        let (grpc, grpc_server) = testkit::serve(guard, services).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/api/v1/orders", get(orders))
            .route("/orders", get(orders_of_intake))
            .with_state(held.clone());
        let http_server = testkit::run(|stop| http::serve(listener, router, Readiness::default(), stop));
        Self { held, grpc, http, _servers: [grpc_server, http_server] }
    }

    /// Returns the variables with which a console asks these services.
    pub fn variables(&self) -> [(&'static str, String); 7] {
        let (grpc, http) = (self.grpc.to_string(), self.http.to_string());
        [
            ("PAYMENT_ADDRESS", grpc.clone()),
            ("CUSTOMERS_ADDRESS", grpc.clone()),
            ("DELIVERY_ADDRESS", grpc.clone()),
            ("NOTIFICATION_ADDRESS", grpc.clone()),
            ("OPERATIONS_ADDRESS", grpc),
            ("ORDER_HTTP_ADDRESS", http.clone()),
            ("INTAKE_ADDRESS", http),
        ]
    }

    /// Gives the user of a session this number of orders. Returns their uuids.
    pub fn give(&self, session: &str, user: Uuid, count: usize) -> Vec<Uuid> {
        self.held.sessions.open(session, user);
        let orders: Vec<Uuid> = std::iter::repeat_with(ids::random).take(count).collect();
        self.held.orders.lock().unwrap().insert(user, orders.clone());
        orders
    }

    pub fn set_away(&self, service: &'static str) {
        *self.held.away.lock().unwrap() = service;
    }

    /// Gives each order of intake this number of bytes.
    pub fn set_size(&self, bytes: usize) {
        self.held.size.store(bytes, Ordering::SeqCst);
    }

    /// Holds back every list of orders until permits are added to the returned semaphore.
    pub fn hold(&self) -> Arc<Semaphore> {
        self.held.responses.forget_permits(Semaphore::MAX_PERMITS);
        self.held.responses.clone()
    }

    /// The number of lists of orders that were asked for.
    pub fn asked(&self) -> usize {
        self.held.asked.load(Ordering::SeqCst)
    }
}

impl Held {
    fn is_away(&self, service: &str) -> bool {
        *self.away.lock().unwrap() == service
    }

    fn of(&self, user: Uuid) -> Vec<Uuid> {
        self.orders.lock().unwrap().get(&user).cloned().unwrap_or_default()
    }

    /// Returns the caller, unless the service is unavailable or the request names another user.
    fn user<T>(&self, service: &str, request: &Request<T>, named: &str) -> Result<Uuid, Status> {
        let user = self.caller(service, request)?;
        if user.to_string() == named { Ok(user) } else { Err(Status::not_found("not found")) }
    }

    fn caller<T>(&self, service: &str, request: &Request<T>) -> Result<Uuid, Status> {
        if self.is_away(service) {
            return Err(Status::unavailable("away"));
        }
        match caller(request)? {
            platform::auth::Caller::User(user) => Ok(user.uuid),
            platform::auth::Caller::Service(_) => Err(Status::permission_denied("for users")),
        }
    }

    /// Returns a page of two of the orders of a session's user, and the place of the next page.
    async fn page(&self, headers: &HeaderMap, after: Option<&String>) -> Option<(Vec<Uuid>, Option<Uuid>, Uuid)> {
        let session = headers.get("x-session-uuid")?.to_str().ok()?.to_owned();
        let user = self.sessions.owner(&Credential::Session(session)).await.ok()?.uuid;
        let all = self.of(user);
        let first =
            after.map_or(0, |after| all.iter().position(|one| one.to_string() == *after).unwrap_or_default() + 1);
        let page: Vec<Uuid> = all.iter().skip(first).take(2).copied().collect();
        let next = page.last().copied().filter(|_| first + 2 < all.len());
        Some((page, next, user))
    }
}

type Parameters = Query<HashMap<String, String>>;

async fn orders(State(held): State<Held>, headers: HeaderMap, Query(query): Parameters) -> Response {
    held.asked.fetch_add(1, Ordering::SeqCst);
    held.responses.acquire().await.unwrap().forget();
    match held.page(&headers, query.get("cursor")).await {
        Some((page, next, user)) if !held.is_away("order") => {
            let order = |order| json!({ "order_uuid": order, "user_uuid": user, "delivery_address": "Main Street" });
            Json(json!({ "orders": page.into_iter().map(order).collect::<Vec<_>>(), "next_cursor": next }))
                .into_response()
        }
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn orders_of_intake(State(held): State<Held>, headers: HeaderMap, Query(query): Parameters) -> Response {
    match held.page(&headers, query.get("after")).await {
        Some((page, next, user)) if !held.is_away("intake") => {
            let entry = "x".repeat(held.size.load(Ordering::SeqCst));
            let order = |order| json!({ "order_uid": order, "customer_id": user, "entry": entry });
            Json(json!({ "orders": page.into_iter().map(order).collect::<Vec<_>>(), "next": next })).into_response()
        }
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Returns the values of a member of each element of a list.
pub fn values<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    list.as_array().into_iter().flatten().filter_map(|one| one[member].as_str()).collect()
}

#[tonic::async_trait]
impl PaymentService for Held {
    async fn get_balance(&self, request: Request<GetBalanceRequest>) -> Result<Reply<GetBalanceResponse>, Status> {
        self.user("payment", &request, &request.get_ref().user_uuid)?;
        Ok(Reply::new(GetBalanceResponse { balance_minor: 12_345 }))
    }

    async fn list_payments(
        &self,
        request: Request<ListPaymentsRequest>,
    ) -> Result<Reply<ListPaymentsResponse>, Status> {
        let user = self.user("payment", &request, &request.get_ref().user_uuid)?;
        let (orders, token) = (self.of(user), &request.get_ref().page_token);
        // A page has one payment.
        let place = token.parse().unwrap_or(0);
        let payment =
            |order: &Uuid| Payment { order_uuid: order.to_string(), user_uuid: user.to_string(), ..Payment::default() };
        let next_page_token = if place + 1 < orders.len() { (place + 1).to_string() } else { String::new() };
        let payments = orders.get(place).map(payment).into_iter().collect();
        Ok(Reply::new(ListPaymentsResponse { payments, next_page_token }))
    }
}

#[tonic::async_trait]
impl CustomerService for Held {
    async fn get_customer(&self, request: Request<GetCustomerRequest>) -> Result<Reply<GetCustomerResponse>, Status> {
        let user = self.user("customers", &request, &request.get_ref().customer_id)?;
        let customer = Customer { id: user.to_string(), name: format!("Name of {user}"), ..Customer::default() };
        Ok(Reply::new(GetCustomerResponse { customer: Some(customer) }))
    }

    async fn list_loans(&self, request: Request<ListLoansRequest>) -> Result<Reply<ListLoansResponse>, Status> {
        let user = self.user("customers", &request, &request.get_ref().customer_id)?;
        let loan = Loan { loan_id: format!("loan of {user}"), ..Loan::default() };
        Ok(Reply::new(ListLoansResponse { loans: vec![loan], ..ListLoansResponse::default() }))
    }
}

#[tonic::async_trait]
impl DeliveryService for Held {
    async fn get_delivery_status(
        &self,
        request: Request<GetDeliveryStatusRequest>,
    ) -> Result<Reply<GetDeliveryStatusResponse>, Status> {
        let user = self.caller("delivery", &request)?;
        let GetDeliveryStatusRequest { order_id } = request.into_inner();
        if self.of(user).iter().all(|order| order.to_string() != order_id) {
            return Err(Status::not_found("not found"));
        }
        Ok(Reply::new(GetDeliveryStatusResponse { order_id, ..GetDeliveryStatusResponse::default() }))
    }
}

#[tonic::async_trait]
impl NotificationService for Held {
    async fn list_notifications(
        &self,
        request: Request<ListNotificationsRequest>,
    ) -> Result<Reply<ListNotificationsResponse>, Status> {
        let user = self.caller("notification", &request)?;
        let ListNotificationsRequest { order_uuid } = request.into_inner();
        let notification = Notification { order_uuid, user_uuid: user.to_string(), ..Notification::default() };
        Ok(Reply::new(ListNotificationsResponse { notifications: vec![notification] }))
    }
}

#[tonic::async_trait]
impl OperationsService for Held {
    async fn list_actions(&self, request: Request<ListActionsRequest>) -> Result<Reply<ListActionsResponse>, Status> {
        let user = self.user("operations", &request, &request.get_ref().operator_uuid)?;
        let action =
            Action { operator_uuid: user.to_string(), subject: format!("part of {user}"), ..Action::default() };
        Ok(Reply::new(ListActionsResponse { actions: vec![action] }))
    }
}
