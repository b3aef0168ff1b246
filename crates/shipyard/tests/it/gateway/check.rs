//! A recorder of the RPC Check: records the gateway's requests and passes them on to iam.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use contracts::proto::envoy::service::auth::v3::{
    CheckRequest, CheckResponse,
    authorization_client::AuthorizationClient,
    authorization_server::{Authorization, AuthorizationServer},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status,
    transport::{Channel, Endpoint, Server},
};

/// A request that the gateway has checked: method, path and headers.
pub type CheckedRequest = (String, String, HashMap<String, String>);

struct Recorder {
    iam: AuthorizationClient<Channel>,
    asked: Arc<Mutex<Vec<CheckedRequest>>>,
}

#[tonic::async_trait]
impl Authorization for Recorder {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let http =
            request.get_ref().attributes.as_ref().and_then(|attributes| attributes.request.as_ref()?.http.clone());
        let http = http.unwrap_or_default();
        self.asked.lock().unwrap().push((http.method, http.path, http.headers));
        self.iam.clone().check(request.into_inner()).await
    }
}

pub struct Check {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<CheckedRequest>>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Check {
    pub fn start(iam: SocketAddr) -> Self {
        let asked = Arc::default();
        let iam = AuthorizationClient::new(Endpoint::from_shared(format!("http://{iam}")).unwrap().connect_lazy());
        let recorder = AuthorizationServer::new(Recorder { iam, asked: Arc::clone(&asked) });
        let address = servers::free_address().unwrap();
        let stop = CancellationToken::new();
        let server =
            Server::builder().add_service(recorder).serve_with_shutdown(address, stop.clone().cancelled_owned());
        let task = tokio::spawn(async move { server.await.unwrap() });
        Self { address, asked, stop, task }
    }

    /// Stops the recorder and closes its connections, as if iam were unavailable.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// Returns the requests recorded so far, and forgets them.
    pub fn taken(&self) -> Vec<CheckedRequest> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}
