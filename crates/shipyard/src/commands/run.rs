//! `shipyard run <service>`: one service alone, the same as its own program.

use platform::cli::{self, execute};

use crate::services::Service;

#[derive(clap::Args)]
pub struct Arguments {
    service: Service,
    #[command(subcommand)]
    command: Option<cli::Command>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let command = arguments.command;
    match arguments.service {
        Service::Iam => execute(&iam::SERVICE, command, iam::run),
        Service::Inventory => execute(&inventory::SERVICE, command, inventory::run),
        Service::Order => execute(&order::SERVICE, command, order::run),
        Service::Payment => execute(&payment::SERVICE, command, payment::run),
        Service::Assembly => execute(&assembly::SERVICE, command, assembly::run),
        Service::Notification => execute(&notification::SERVICE, command, notification::run),
    }
}
