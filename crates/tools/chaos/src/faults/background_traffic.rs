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
use contracts::proto::auth::v1::{LoginRequest, auth_service_client::AuthServiceClient};
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

    /// Calls the replicas of `service` in turn, ten times a second. Does nothing without a service, or for order, which
    /// customers call.
    pub fn visit(
        &self,
        experiment: &mut Experiment,
        service: Option<&'static Service>,
    ) -> anyhow::Result<BackgroundTraffic> {
        let Some(service) = service.filter(|service| *service != &order::SERVICE) else {
            return Ok(BackgroundTraffic::default());
        };
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
        if service == &iam::SERVICE {
            let request = LoginRequest { login: self.login, password: PASSWORD.to_owned() };
            return AuthServiceClient::new(door).login(request).await.map(drop);
        }
        get(door, service, inside(session, order_uuid)?).await
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

/// Calls the service's first RPC that reads something for a user. Such a request begins with the uuid of what it asks
/// for, as does a `String` in protobuf. Does nothing if there is no such RPC.
async fn get(channel: Channel, service: &'static Service, request: tonic::Request<String>) -> Result<(), Status> {
    let reads = |method: &str| {
        let rpc = method.strip_prefix('/').and_then(|path| path.split('/').nth(1));
        rpc.is_some_and(|rpc| rpc.starts_with("Get") || rpc.starts_with("List"))
    };
    let rules = (service.rules)().concat().into_iter();
    let mut methods = rules.filter(|rule| reads(rule.method) && matches!(rule.access, Access::Session(_)));
    let Some(rule) = methods.next() else { return Ok(()) };
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::from_static(rule.method);
    client.unary(request, path, ProstCodec::<String, ()>::default()).await.map(drop)
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
