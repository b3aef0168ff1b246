//! The program `shipyard`: the whole system in one process, each service by itself, and the operator's tools.

#![warn(clippy::print_stdout)]

#[macro_use]
pub mod output;
pub mod commands;
pub mod data;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};
use platform::{
    cli::{block_on, report},
    config,
};

use crate::{
    commands::{
        audit, certificates, couriers, demo, dlq, doctor, kafka_acls, login, manual, migrate, operator, receipt,
        render, restock, services, up,
    },
    data::Data,
};

/// Shipyard, a spaceship shop made of services. Without a command, it runs all of them in one process.
#[derive(Parser)]
#[command(version, after_help = "Configured by environment variables; .env.example lists them all.")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Directory for data that outlives the process
    #[arg(long, global = true, env = "SHIPYARD_DATA", default_value = ".shipyard", value_name = "DIRECTORY")]
    data: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Run all services in this process, and start the servers that are missing (default)
    Up,
    /// Run one service, like its own binary
    Run(services::Run),
    /// List the services, each after those that it calls, with the default ports of their APIs
    Services,
    /// Place orders in a running shop and check every response
    Demo(demo::Arguments),
    /// List the couriers of a running shop, what they carry, and the orders that wait
    Couriers(couriers::Arguments),
    /// Check the environment, and say how to fix what is missing
    Doctor,
    /// Apply, revert or list database migrations
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// Add stock to a running shop
    Restock(restock::Arguments),
    /// Generate orders, and send them to the topic that intake reads
    Produce(producer::Arguments),
    /// Grant and revoke the role operator, and list the users that have it
    #[command(subcommand)]
    Operator(operator::Command),
    /// Log in, and print the session, which X-Session-Uuid (HTTP) and session-uuid (gRPC) take
    Login(login::Arguments),
    /// Log in, and print an access token for HTTP and gRPC
    Token(login::Arguments),
    /// Create and renew the certificates of the services, the gateway, the stores and their operators
    Certificates(certificates::Arguments),
    /// Give the users of the Kafka broker at KAFKA_BROKERS their rights (ACLs) and create missing topics, as its super
    /// user
    KafkaAcls(kafka_acls::Arguments),
    /// Check that a running shop has lost nothing and done nothing twice
    Audit(audit::Arguments),
    /// Check signed receipts
    #[command(subcommand)]
    Receipt(receipt::Command),
    /// List, show, replay, discard and prune dead letters
    #[command(subcommand)]
    Dlq(dlq::Command),
    /// Print a completion script for a shell
    Completions(manual::Completions),
    /// Write man pages for this program and its commands
    Man(manual::Man),
    /// Write the files that follow from the services: containers, the gateway, Kubernetes, and pages of docs/
    #[command(hide = true)]
    Render(render::Arguments),
}

/// An error is one line on standard error and exit code 1; `audit` and `receipt` have their own exit codes.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let data = Data::at(arguments.data);
    report(match arguments.command {
        None | Some(Command::Up) => block_on(up::run(data)),
        Some(Command::Run(arguments)) => services::run(&arguments),
        Some(Command::Services) => {
            services::list();
            Ok(())
        }
        Some(Command::Demo(arguments)) => block_on(demo::run(arguments, data)),
        Some(Command::Couriers(arguments)) => block_on(couriers::run(arguments, data)),
        Some(Command::Doctor) => block_on(doctor::run(data)),
        Some(Command::Migrate(command)) => block_on(migrate::run(command)),
        Some(Command::Restock(arguments)) => block_on(restock::run(arguments, data)),
        Some(Command::Produce(arguments)) => block_on(produce(arguments, data)),
        Some(Command::Operator(command)) => block_on(operator::run(command, data)),
        Some(Command::Login(arguments)) => block_on(login::login(arguments, data)),
        Some(Command::Token(arguments)) => block_on(login::token(arguments, data)),
        Some(Command::Certificates(arguments)) => certificates::run(arguments, &data),
        Some(Command::KafkaAcls(arguments)) => block_on(kafka_acls::run(arguments)),
        Some(Command::Audit(arguments)) => return audit::exit_code(block_on(audit::run(arguments, data))),
        Some(Command::Receipt(command)) => return receipt::exit_code(block_on(receipt::run(command, data))),
        Some(Command::Dlq(command)) => block_on(dlq::run(command, data)),
        Some(Command::Completions(arguments)) => manual::completions(&arguments, Arguments::command()),
        Some(Command::Man(arguments)) => manual::man(&arguments, Arguments::command()),
        Some(Command::Render(arguments)) => render::run(&arguments),
    })
}

async fn produce(arguments: producer::Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(config::load()?);
    producer::run(&arguments, &settings).await.with_context(|| data.advice())
}
