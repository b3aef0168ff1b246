//! The program `shipyard`: the whole system in one process, each service by itself, and the operator's tools.

pub mod commands;
pub mod data;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use platform::cli::{block_on, report};

use crate::{
    commands::{audit, chaos, demo, dlq, doctor, migrate, restock, run, up},
    data::Data,
};

/// A shop that sells spaceships, as six services in one process. Without a command it runs.
#[derive(Parser)]
#[command(version, after_help = "Configured by environment variables; .env.example lists them all.")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where what outlives this process is kept.
    #[arg(long, global = true, env = "SHIPYARD_DATA", default_value = ".shipyard", value_name = "DIRECTORY")]
    data: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole shop in this process (the default).
    Up,
    /// Run one service, as its own program does.
    Run(run::Arguments),
    /// Buy a ship in a running shop and check every answer.
    Demo(demo::Arguments),
    /// Tell what the shop needs, where it would come from, and what to do about what is missing.
    Doctor,
    /// Change the schemas of the databases by hand.
    Migrate(migrate::Arguments),
    /// Add stock to a running shop.
    Restock(restock::Arguments),
    /// Check, once a running shop is quiet, that nothing was lost and nothing was done twice.
    Audit(audit::Arguments),
    /// Run the whole system as separate processes, do faults to it under load, and audit it after each.
    Chaos(chaos::Arguments),
    /// Look at the messages that nobody could handle, and send them again.
    Dlq(dlq::Arguments),
}

/// The `main` of this program. What fails is one line on standard error and exit code 1.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let data = Data::at(arguments.data);
    report(match arguments.command {
        None | Some(Command::Up) => block_on(up::run(data)),
        Some(Command::Run(arguments)) => run::run(&arguments),
        Some(Command::Demo(arguments)) => block_on(demo::run(arguments)),
        Some(Command::Doctor) => block_on(doctor::run(data)),
        Some(Command::Migrate(arguments)) => block_on(migrate::run(arguments)),
        Some(Command::Restock(arguments)) => block_on(restock::run(arguments, data)),
        Some(Command::Audit(arguments)) => block_on(audit::run(arguments, data)),
        Some(Command::Chaos(arguments)) => block_on(chaos::run(arguments, data)),
        Some(Command::Dlq(arguments)) => block_on(dlq::run(arguments, data)),
    })
}
