//! A stand-in for geo that knows every street, and returns wrong responses on request.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use contracts::proto::geo::{GetGeolocationReply, GetGeolocationRequest, Location, geo_server};
use tonic::{Request, Response, Status, service::Routes};

use crate::server::Server;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GeoMode {
    /// Responds with a cell of the grid.
    #[default]
    Well,
    /// Responds with (11, 0), which is not a cell of the grid.
    Outside,
    /// Responds with INVALID_ARGUMENT.
    Unknown,
}

/// A server of `geo.Geo` that runs until it is dropped.
pub struct Geo {
    server: Server,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    mode: Mutex<GeoMode>,
    met: AtomicUsize,
}

impl Geo {
    pub async fn start() -> anyhow::Result<Self> {
        let state = Arc::new(State::default());
        let service = geo_server::GeoServer::new(Handler(state.clone()));
        let server = Server::start(Routes::new(service).into_axum_router()).await?;
        Ok(Self { server, state })
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub fn be(&self, mode: GeoMode) {
        *self.state.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Returns the number of wrong responses.
    pub fn faults_met(&self) -> usize {
        self.state.met.load(Ordering::Relaxed)
    }
}

struct Handler(Arc<State>);

#[tonic::async_trait]
impl geo_server::Geo for Handler {
    async fn get_geolocation(
        &self,
        _: Request<GetGeolocationRequest>,
    ) -> Result<Response<GetGeolocationReply>, Status> {
        let mode = *self.0.mode.lock().unwrap_or_else(PoisonError::into_inner);
        if mode != GeoMode::Well {
            self.0.met.fetch_add(1, Ordering::Relaxed);
        }
        let location = match mode {
            GeoMode::Well => Location { x: 5, y: 5 },
            GeoMode::Outside => Location { x: 11, y: 0 },
            GeoMode::Unknown => return Err(Status::invalid_argument("street is unknown")),
        };
        Ok(Response::new(GetGeolocationReply { location: Some(location) }))
    }
}
