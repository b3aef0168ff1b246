//! Replicas of a service whose responses name the replica, and a peer that finds them by name.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use contracts::proto::{
    auth::v1::{
        LoginRequest, LoginResponse, WhoamiRequest, WhoamiResponse,
        auth_service_client::AuthServiceClient,
        auth_service_server::{AuthService, AuthServiceServer},
    },
    common::v1::Session,
};
use platform::{
    auth::Access,
    grpc::{Peer, Services},
    server::readiness::{Condition, Readiness},
};
use testkit::{Running, run};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

use super::resolver::MemoryResolver;

/// A stopping replica still accepts calls for this long.
pub const DRAIN: Duration = Duration::from_secs(5);

pub type Client = AuthServiceClient<Peer>;

/// Whoami is a read and Login a write; both respond with the replica's name.
#[derive(Clone)]
pub struct Shared {
    name: &'static str,
    asked: Arc<AtomicU64>,
    logins: Logins,
}

/// How often all replicas together executed each login.
pub type Logins = Arc<Mutex<HashMap<String, u32>>>;

pub struct Replica {
    pub address: SocketAddr,
    pub ready: Condition,
    shared: Shared,
    server: Running,
}

impl Replica {
    /// Starts a replica that is ready, on its own address.
    pub async fn start(name: &'static str, ip: &str, logins: &Logins) -> Self {
        let replica = Self::begin(name, ip, logins).await;
        replica.ready.set(true);
        replica
    }

    /// Starts a replica that is not ready yet.
    pub async fn begin(name: &'static str, ip: &str, logins: &Logins) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Shared { name, asked: Arc::default(), logins: logins.clone() };
        let guard = testkit::guard("iam", &[]).otherwise(Access::Public);
        let readiness = Readiness::new(DRAIN);
        let ready = readiness.condition("test");
        let services = Services::new(contracts::proto::DESCRIPTORS).with(AuthServiceServer::new(shared.clone()));
        let server = run(|stop| services.serve(listener, guard, readiness, stop));
        Self { address, ready, shared, server }
    }

    pub fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// Returns [`Self::asked`] as a function that outlives the replica.
    pub fn counter(&self) -> impl Fn() -> u64 + use<> {
        let asked = self.shared.asked.clone();
        move || asked.load(Ordering::Relaxed)
    }

    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl Shared {
    pub fn new(name: &'static str) -> Self {
        Self { name, asked: Arc::default(), logins: Arc::default() }
    }

    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

pub fn client(resolver: &MemoryResolver) -> Client {
    let peer = Peer::resolved(Arc::new(resolver.clone()), "iam", "IAM_ADDRESS", "iam:7400").expect("a name");
    Client::new(peer)
}

/// Calls Login, which is a write.
pub async fn login(client: &Client, name: &str) -> Result<String, Status> {
    let request = LoginRequest { login: name.to_owned(), ..LoginRequest::default() };
    Ok(client.clone().login(request).await?.into_inner().session_uuid)
}

/// Calls Whoami, which is a read.
pub async fn whoami(client: &Client) -> Result<String, Status> {
    let response = client.clone().whoami(WhoamiRequest::default()).await?.into_inner();
    Ok(response.session.unwrap_or_default().uuid)
}

#[tonic::async_trait]
impl AuthService for Shared {
    async fn whoami(&self, _: Request<WhoamiRequest>) -> Result<Response<WhoamiResponse>, Status> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let session = Session { uuid: self.name.to_owned(), ..Session::default() };
        Ok(Response::new(WhoamiResponse { session: Some(session), user: None }))
    }

    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let login = request.into_inner().login;
        *self.logins.lock().unwrap_or_else(PoisonError::into_inner).entry(login).or_default() += 1;
        Ok(Response::new(LoginResponse { session_uuid: self.name.to_owned() }))
    }
}
