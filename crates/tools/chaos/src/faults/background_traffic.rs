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
use client::{customer::PASSWORD, shop::within};
use contracts::proto::auth::v1::{LoginRequest, auth_service_client::AuthServiceClient};
use drive::account::Account;
use platform::{
    auth::{Access, SESSION_HEADER},
    ids,
    server::service::Service,
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

const REQUEST_INTERVAL: Duration = Duration::from_millis(100);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

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

/// Calls the replicas of `service` in turn, ten times a second, as this user. Does nothing without a service, for order,
/// which customers call, and for console and operations: none of these requests would read their databases.
pub fn visit(
    user: &Account,
    experiment: &mut Experiment,
    service: Option<&'static Service>,
) -> anyhow::Result<BackgroundTraffic> {
    let Some(service) = service.filter(|service| !["order", "console", "operations"].contains(&service.name)) else {
        return Ok(BackgroundTraffic::default());
    };
    let doors = experiment.cluster.replicas.of(service).map(|replica| Door::new(service, replica.called_at));
    let doors: Vec<Door> = doors.collect::<anyhow::Result<_>>()?;
    let counts = Arc::<Counts>::default();
    let coming = come(user.clone(), service, doors, counts.clone());
    Ok(BackgroundTraffic { counts, _task: Some(AbortOnDropHandle::new(tokio::spawn(coming))) })
}

async fn ask(user: Account, service: &'static Service, door: Door) -> Result<(), Status> {
    let order_uuid = ids::random().to_string();
    let door = match door {
        Door::Grpc(channel) => channel,
        Door::Http(client, url) => return look_up(&client, &format!("{url}/orders/{order_uuid}"), &user.session).await,
    };
    if service == &iam::SERVICE {
        let request = LoginRequest { login: user.login, password: PASSWORD.to_owned() };
        return AuthServiceClient::new(door).login(request).await.map(drop);
    }
    let request = within(&user.session, order_uuid).map_err(|error| Status::internal(error.to_string()))?;
    get(door, service, request).await
}

impl BackgroundTraffic {
    pub fn begun(&self) -> u64 {
        self.counts.begun.load(Ordering::Relaxed)
    }

    /// Returns the number of responses that show that the service reached its dependencies.
    pub fn answered(&self) -> u64 {
        self.counts.answered.load(Ordering::Relaxed)
    }

    pub fn unauthenticated(&self) -> u64 {
        self.counts.unauthenticated.load(Ordering::Relaxed)
    }
}

impl Counts {
    fn count(&self, response: Result<(), Status>) {
        match response.map_err(|status| status.code()) {
            // NotFound counts as answered: the requested order does not exist.
            Ok(()) | Err(Code::NotFound) => self.answered.fetch_add(1, Ordering::Relaxed),
            Err(Code::Unauthenticated) => self.unauthenticated.fetch_add(1, Ordering::Relaxed),
            Err(_) => 0,
        };
    }
}

/// Sends requests at a fixed rate, without waiting for responses.
async fn come(user: Account, service: &'static Service, doors: Vec<Door>, counts: Arc<Counts>) {
    let mut visits = JoinSet::new();
    let mut period = interval(REQUEST_INTERVAL);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for door in doors.iter().cycle() {
        period.tick().await;
        while visits.try_join_next().is_some() {}
        let (user, door, counts) = (user.clone(), door.clone(), counts.clone());
        counts.begun.fetch_add(1, Ordering::Relaxed);
        visits.spawn(async move { counts.count(ask(user, service, door).await) });
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

/// Calls the service's first RPC that reads something for a user. The first field of such a request is the UUID of the
/// requested object, so the request is encoded like a `String`. Does nothing if there is no such RPC.
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

/// Requests an unknown resource over HTTP, and returns the response as a gRPC status.
async fn look_up(client: &reqwest::Client, url: &str, session: &str) -> Result<(), Status> {
    let response = client.get(url).header(SESSION_HEADER, session).send().await;
    match response.map_err(|error| Status::unavailable(error.to_string()))?.status().as_u16() {
        200..=299 => Ok(()),
        404 => Err(Status::not_found("order")),
        401 => Err(Status::unauthenticated("session")),
        status => Err(Status::unavailable(status.to_string())),
    }
}
