//! `shipyard run` runs one service; `shipyard services` lists all with their default ports, for scripts.

use operations::registry::{self, callees_first};
use platform::{
    cli::{self, execute},
    server::service::Service,
};

#[derive(clap::Args)]
pub struct Run {
    /// Service to run
    #[arg(env = "SHIPYARD_SERVICE", value_parser = registry::parser())]
    service: &'static Service,
    #[command(subcommand)]
    command: Option<cli::Command>,
}

pub fn run(arguments: &Run) -> anyhow::Result<()> {
    execute(arguments.service, arguments.command)
}

/// Prints a line for each listener, such as `order http PORT`: `grpc` or `http` for an API, `admin` for metrics and
/// health. `deploy/roll` takes the services in this order.
pub fn list() {
    for service in callees_first() {
        for api in service.apis() {
            outln!("{service} {} {}", if api.is_grpc { "grpc" } else { "http" }, api.port);
        }
        outln!("{service} admin {}", service.admin_port);
    }
}
