//! Direct requests to one service, so that links carry traffic which the customers' load does not use.

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
use platform::ids;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::task::AbortOnDropHandle;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

use crate::experiment::Experiment;
use client::{
    customer::{PASSWORD, registration},
    shop::{Shop, success, within},
};
use platform::service::Service;

/// The interval between requests.
const PERIOD: Duration = Duration::from_millis(100);
/// The timeout of a request.
const LIMIT: Duration = Duration::from_secs(10);

/// A user with a session.
#[derive(Clone)]
pub struct ProbeUser {
    login: String,
    session: String,
}

/// Requests to one service until it is dropped.
#[derive(Default)]
pub struct BackgroundTraffic {
    counts: Arc<Counts>,
    _task: Option<AbortOnDropHandle<()>>,
}

#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    answered: AtomicU64,
    unauthenticated: AtomicU64,
}

impl ProbeUser {
    /// Registers a new user and logs in.
    pub async fn register(shop: &Shop) -> anyhow::Result<Self> {
        let login = format!("user-{:.12}", ids::random().simple().to_string());
        success("Register", shop.users().register(registration(&login, Vec::new())).await)?;
        let request = LoginRequest { login: login.clone(), password: PASSWORD.to_owned() };
        let session = success("Login", shop.auth().login(request).await)?.session_uuid;
        Ok(Self { login, session })
    }

    /// Calls the replicas of `service` in turn, ten times a second. Order is called by the customers already.
    pub fn visit(&self, experiment: &mut Experiment, service: &'static Service) -> anyhow::Result<BackgroundTraffic> {
        if service == &order::SERVICE {
            return Ok(BackgroundTraffic::default());
        }
        let doors = experiment.cluster.replicas.of(service).map(|replica| door(replica.called_at));
        let doors: Vec<Channel> = doors.collect::<anyhow::Result<_>>()?;
        let counts = Arc::<Counts>::default();
        let coming = come(self.clone(), service, doors, counts.clone());
        Ok(BackgroundTraffic { counts, _task: Some(AbortOnDropHandle::new(tokio::spawn(coming))) })
    }

    /// Sends a request that changes nothing.
    async fn ask(self, service: &'static Service, door: Channel) -> Result<(), Status> {
        let order_uuid = ids::random().to_string();
        let session = &self.session;
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
            _ => Ok(()),
        }
    }
}

impl BackgroundTraffic {
    /// How many requests were sent.
    pub fn begun(&self) -> u64 {
        self.counts.begun.load(Ordering::Relaxed)
    }

    /// How many were answered in a way that requires the service's dependencies.
    pub fn answered(&self) -> u64 {
        self.counts.answered.load(Ordering::Relaxed)
    }

    /// How many were rejected as unauthenticated.
    pub fn unauthenticated(&self) -> u64 {
        self.counts.unauthenticated.load(Ordering::Relaxed)
    }
}

impl Counts {
    fn count(&self, answer: Result<(), Status>) {
        match answer.map_err(|status| status.code()) {
            // The requested order does not exist.
            Ok(()) | Err(Code::NotFound) => self.answered.fetch_add(1, Ordering::Relaxed),
            Err(Code::Unauthenticated) => self.unauthenticated.fetch_add(1, Ordering::Relaxed),
            Err(_) => 0,
        };
    }
}

/// Sends requests at a fixed rate without waiting for their answers.
async fn come(user: ProbeUser, service: &'static Service, doors: Vec<Channel>, counts: Arc<Counts>) {
    let mut visits = JoinSet::new();
    let mut period = interval(PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for door in doors.iter().cycle() {
        period.tick().await;
        while visits.try_join_next().is_some() {}
        let (user, door, counts) = (user.clone(), door.clone(), counts.clone());
        counts.begun.fetch_add(1, Ordering::Relaxed);
        visits.spawn(async move { counts.count(user.ask(service, door).await) });
    }
}

fn door(address: SocketAddr) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).context("the address of a replica")?;
    Ok(endpoint.connect_timeout(Duration::from_secs(2)).timeout(LIMIT).connect_lazy())
}

fn inside<T>(session: &str, message: T) -> Result<tonic::Request<T>, Status> {
    within(session, message).map_err(|error| Status::internal(error.to_string()))
}
