//! The child processes of the benchmark: the measured services, and the baseline servers whose calls do nothing.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::StatusCode,
    routing::{get, post},
};
use contracts::proto::{
    DESCRIPTORS,
    auth::v1::{
        WhoamiRequest, WhoamiResponse,
        auth_service_server::{AuthService, AuthServiceServer},
    },
};
use http_body_util::BodyExt as _;
use platform::{
    auth::{Access, Guard, MemorySessions, ServiceKey},
    cli,
    config::{self, Settings},
    grpc::Services,
    http::{self, request_target::OwnHosts},
    server::{
        health::admin_routes,
        readiness::Readiness,
        service::Service,
        shutdown::{Tasks, on_signal},
    },
    telemetry,
};
use tonic::{Request, Response, Status};

/// The variable with the address of metrics and health of a process with several services.
pub const ADMIN: &str = "SHIPYARD_ADMIN_LISTEN";
/// The variables with the listen addresses of the baseline servers.
pub const HTTP: &str = "BENCH_HTTP_LISTEN";
pub const GRPC: &str = "BENCH_GRPC_LISTEN";
pub const EMPTY: &str = "/empty";
/// The path at which a trace collector accepts exports.
const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Runs services until a signal: one service like its own program, several like `shipyard up`.
pub fn serve(services: &[&'static Service]) -> anyhow::Result<()> {
    match services {
        [] => anyhow::bail!("name the services to run"),
        [service] => cli::execute(service, None),
        services => cli::block_on(together(services)),
    }
}

async fn together(services: &[&'static Service]) -> anyhow::Result<()> {
    let settings = config::load()?.for_shared_process();
    let _telemetry = telemetry::start("shipyard", &settings.read()?)?;
    let stop = on_signal()?;
    let mut apps = Vec::new();
    for service in services {
        apps.push((service.name, (service.build)(settings.clone()).await?));
    }
    let readiness = apps.iter().map(|(_, app)| app.readiness()).collect();
    let admin = http::bind(ADMIN, address(&settings, ADMIN)?).await?;
    let mut tasks = Tasks::new(&stop);
    tasks.spawn("admin", |stop| {
        http::serve(admin, admin_routes(readiness, OwnHosts::default()), Readiness::default(), stop)
    });
    for (name, app) in apps {
        tasks.serve(name, |stop| app.run(stop));
    }
    tasks.join().await
}

fn address(settings: &Settings, variable: &str) -> anyhow::Result<SocketAddr> {
    let given = settings.get(variable).unwrap_or("127.0.0.1:0");
    given.parse().map_err(|_| anyhow::anyhow!("{variable} is {given}, which is no address"))
}

/// Serves one HTTP route and one gRPC method that do nothing. Listeners, layers and guard are those of the services, so
/// that a call costs what every call costs; there is no database. Also accepts traces, and discards them.
pub fn serve_nothing() -> anyhow::Result<()> {
    cli::block_on(async {
        let settings = config::load()?;
        let _telemetry = telemetry::start("nothing", &settings.read()?)?;
        let stop = on_signal()?;
        let (http_socket, grpc_socket) =
            (http::bind(HTTP, address(&settings, HTTP)?).await?, http::bind(GRPC, address(&settings, GRPC)?).await?);
        let router = http::layers(Router::new().route(EMPTY, get(|| async { StatusCode::OK })));
        // A message without fields is five bytes on the wire.
        let taken = |mut traces: Body| async move {
            while let Some(Ok(_)) = traces.frame().await {}
            ([("content-type", "application/grpc"), ("grpc-status", "0")], [0_u8; 5])
        };
        let router = router.merge(Router::new().route(TRACES, post(taken)));
        let key = ServiceKey::new("nothing", &platform::ids::random().simple().to_string().into())?;
        let guard = Guard::new(Arc::new(MemorySessions::default()), key, &[]).otherwise(Access::Public);
        let services = Services::new(DESCRIPTORS).with(AuthServiceServer::new(Nothing));
        let mut tasks = Tasks::new(&stop);
        tasks.serve("http", |stop| http::serve(http_socket, router, Readiness::default(), stop));
        tasks.serve("grpc", |stop| services.serve(grpc_socket, guard, Readiness::default(), stop));
        tasks.join().await
    })
}

/// Responds to Whoami with an empty message.
struct Nothing;

#[tonic::async_trait]
impl AuthService for Nothing {
    async fn whoami(&self, _: Request<WhoamiRequest>) -> Result<Response<WhoamiResponse>, Status> {
        Ok(Response::new(WhoamiResponse::default()))
    }
}
