//! `shipyard run <service>`: runs one service, like its own binary.

use operations::registry;
use platform::{
    cli::{self, execute},
    server::service::Service,
};

#[derive(clap::Args)]
pub struct Arguments {
    /// Service to run
    #[arg(env = "SHIPYARD_SERVICE", value_parser = registry::parser())]
    service: &'static Service,
    #[command(subcommand)]
    command: Option<cli::Command>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    execute(arguments.service, arguments.command)
}
