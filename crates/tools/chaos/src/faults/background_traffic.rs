//! Direct requests to one service, over links without customers' load.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use contracts::proto::{
    assembly::v1::{GetAssemblyRequest, assembly_service_client::AssemblyServiceClient},
    auth::v1::{LoginRequest, auth_service_client::AuthServiceClient},
    customers::v1::{GetCustomerRequest, customer_service_client::CustomerServiceClient},
    delivery::v1::{GetDeliveryStatusRequest, delivery_service_client::DeliveryServiceClient},
    inventory::v1::{ListPartsRequest, inventory_service_client::InventoryServiceClient},
    notification::v1::{ListNotificationsRequest, notification_service_client::NotificationServiceClient},
    payment::v1::{GetPaymentRequest, payment_service_client::PaymentServiceClient},
};
use platform::{
    auth::{Access, SESSION_HEADER},
    ids,
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::task::AbortOnDropHandle;
use tonic::{
    Code, Status,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use crate::experiment::Experiment;
use client::{
    customer::{PASSWORD, registration},
    shop::{Shop, success, within},
};
use platform::server::service::Service;

const REQUEST_INTERVAL: Duration = Duration::from_millis(100);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub struct ProbeUser {
    login: String,
    session: String,
}

/// Requests to one service until this value is dropped.
#[derive(Default)]
pub struct BackgroundTraffic {
    counts: Arc<Counts>,
    _task: Option<AbortOnDropHandle<()>>,
}

#[derive(Clone)]
enum Door {
    Grpc(Channel),
    Http(reqwest::Client, String),
}

#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    answered: AtomicU64,
    unauthenticated: AtomicU64,
}

impl ProbeUser {
    pub async fn register(shop: &Shop) -> anyhow::Result<Self> {
        let login = format!("user-{:.12}", ids::random().simple().to_string());
        success("Register", shop.users().register(registration(&login, Vec::new())).await)?;
        let request = LoginRequest { login: login.clone(), password: PASSWORD.to_owned() };
        let session = success("Login", shop.auth().login(request).await)?.session_uuid;
        Ok(Self { login, session })
    }

    /// Calls the replicas of `service` in turn, ten times a second. Does nothing for order, which customers call.
    pub fn visit(&self, experiment: &mut Experiment, service: &'static Service) -> anyhow::Result<BackgroundTraffic> {
        if service == &order::SERVICE {
            return Ok(BackgroundTraffic::default());
        }
        let doors = experiment.cluster.replicas.of(service).map(|replica| Door::new(service, replica.called_at));
        let doors: Vec<Door> = doors.collect::<anyhow::Result<_>>()?;
        let counts = Arc::<Counts>::default();
        let coming = come(self.clone(), service, doors, counts.clone());
        Ok(BackgroundTraffic { counts, _task: Some(AbortOnDropHandle::new(tokio::spawn(coming))) })
    }

    async fn ask(self, service: &'static Service, door: Door) -> Result<(), Status> {
        let order_uuid = ids::random().to_string();
        let session = &self.session;
        let door = match door {
            Door::Grpc(channel) => channel,
            Door::Http(client, url) => return look_up(&client, &format!("{url}/orders/{order_uuid}"), session).await,
        };
        match service.name {
            "iam" => {
                let request = LoginRequest { login: self.login, password: PASSWORD.to_owned() };
                AuthServiceClient::new(door).login(request).await.map(drop)
            }
            "inventory" => {
                let request = inside(session, ListPartsRequest::default())?;
                InventoryServiceClient::new(door).list_parts(request).await.map(drop)
            }
            "payment" => {
                let request = inside(session, GetPaymentRequest { order_uuid })?;
                PaymentServiceClient::new(door).get_payment(request).await.map(drop)
            }
            "assembly" => {
                let request = inside(session, GetAssemblyRequest { order_uuid })?;
                AssemblyServiceClient::new(door).get_assembly(request).await.map(drop)
            }
            "notification" => {
                let request = inside(session, ListNotificationsRequest { order_uuid })?;
                NotificationServiceClient::new(door).list_notifications(request).await.map(drop)
            }
            "delivery" => {
                let request = inside(session, GetDeliveryStatusRequest { order_id: order_uuid })?;
                DeliveryServiceClient::new(door).get_delivery_status(request).await.map(drop)
            }
            "customers" => {
                let request = inside(session, GetCustomerRequest { customer_id: order_uuid })?;
                CustomerServiceClient::new(door).get_customer(request).await.map(drop)
            }
            _ => probe(door, service, session).await,
        }
    }
}

impl BackgroundTraffic {
    pub fn begun(&self) -> u64 {
        self.counts.begun.load(Ordering::Relaxed)
    }

    /// Returns how many answers show that the service reached its dependencies.
    pub fn answered(&self) -> u64 {
        self.counts.answered.load(Ordering::Relaxed)
    }

    pub fn unauthenticated(&self) -> u64 {
        self.counts.unauthenticated.load(Ordering::Relaxed)
    }
}

impl Counts {
    fn count(&self, answer: Result<(), Status>) {
        match answer.map_err(|status| status.code()) {
            // NotFound counts as answered: the requested order does not exist.
            Ok(()) | Err(Code::NotFound) => self.answered.fetch_add(1, Ordering::Relaxed),
            Err(Code::Unauthenticated) => self.unauthenticated.fetch_add(1, Ordering::Relaxed),
            Err(_) => 0,
        };
    }
}

/// Sends requests at a fixed rate, without waiting for answers.
async fn come(user: ProbeUser, service: &'static Service, doors: Vec<Door>, counts: Arc<Counts>) {
    let mut visits = JoinSet::new();
    let mut period = interval(REQUEST_INTERVAL);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for door in doors.iter().cycle() {
        period.tick().await;
        while visits.try_join_next().is_some() {}
        let (user, door, counts) = (user.clone(), door.clone(), counts.clone());
        counts.begun.fetch_add(1, Ordering::Relaxed);
        visits.spawn(async move { counts.count(user.ask(service, door).await) });
    }
}

impl Door {
    fn new(service: &'static Service, address: SocketAddr) -> anyhow::Result<Self> {
        let url = format!("http://{address}");
        if service.apis().iter().all(|api| !api.is_grpc) {
            return Ok(Self::Http(platform::http::client(REQUEST_TIMEOUT)?, url));
        }
        let endpoint = Endpoint::from_shared(url).context("the address of a replica")?;
        Ok(Self::Grpc(endpoint.connect_timeout(Duration::from_secs(2)).timeout(REQUEST_TIMEOUT).connect_lazy()))
    }
}

/// Calls the service's first method for users with an empty message. The service checks the session, and then rejects
/// the message or finds nothing.
async fn probe(channel: Channel, service: &'static Service, session: &str) -> Result<(), Status> {
    let rules = (service.rules)().concat().into_iter();
    let mut methods = rules.filter(|rule| rule.method.starts_with('/') && matches!(rule.access, Access::Session(_)));
    let Some(rule) = methods.next() else { return Ok(()) };
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::from_static(rule.method);
    let answer = client.unary(inside(session, ())?, path, ProstCodec::<(), ()>::default()).await;
    match answer.map(drop).map_err(|status| (status.code(), status)) {
        Err((Code::InvalidArgument, _)) => Ok(()),
        other => other.map_err(|(_, status)| status),
    }
}

/// Requests an unknown resource over HTTP, and returns the answer as a gRPC status.
async fn look_up(client: &reqwest::Client, url: &str, session: &str) -> Result<(), Status> {
    let answer = client.get(url).header(SESSION_HEADER, session).send().await;
    match answer.map_err(|error| Status::unavailable(error.to_string()))?.status().as_u16() {
        200..=299 => Ok(()),
        404 => Err(Status::not_found("order")),
        401 => Err(Status::unauthenticated("session")),
        status => Err(Status::unavailable(status.to_string())),
    }
}

fn inside<T>(session: &str, message: T) -> Result<tonic::Request<T>, Status> {
    within(session, message).map_err(|error| Status::internal(error.to_string()))
}
