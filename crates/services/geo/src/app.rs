//! The composition root: builds the service from its configuration.

use std::sync::Arc;

use platform::{
    auth::MemorySessions,
    server::{App, Server},
};

use crate::{SERVICE, api, config::Config, service::GeoService};

pub async fn build(config: Config) -> anyhow::Result<App> {
    let Config { server, streets } = config;
    let server = Server::bind(&SERVICE, server).await?;
    // Every path is public, so the guard looks up no session.
    let guard = server.guard(Arc::new(MemorySessions::default()), api::RULES);
    Ok(App::new(server).grpc(api::services(GeoService::new(streets)), guard))
}
