//! The program `lab`: chaos, attacks, load and benchmarks, which test the shop, and the playground. It is separate from
//! the program that runs the shop.

#![warn(clippy::print_stdout)]

pub mod attack;
pub mod chaos;
pub mod load;
pub mod playground;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use platform::cli::{block_on, report};
use shipyard::{commands::services, data::Data};

/// The laboratory of Shipyard: it breaks, attacks, loads and measures the shop, and checks what the shop promises.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Directory for data, the same as the running shop's
    #[arg(long, global = true, env = "SHIPYARD_DATA", default_value = ".shipyard", value_name = "DIRECTORY")]
    data: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Inject faults into the system under load, and audit it after each
    Chaos(chaos::Arguments),
    /// Attack a running shop as strangers could, and measure what its customers notice
    Attack(attack::Arguments),
    /// Send mixed traffic to a running shop at a constant rate, and measure it
    Load(load::Arguments),
    /// Compare the shop's speed with that of the primitives that it is made of
    Bench(bench::command::Arguments),
    /// Run the shop with a panel in its console from which you break it while your order is on its way
    Playground,
    /// Run one service, as a process of `chaos` or of `playground`
    #[command(hide = true)]
    Run(services::Run),
}

/// An error is one line on standard error and exit code 1.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let data = Data::at(arguments.data);
    report(match arguments.command {
        Command::Chaos(arguments) => block_on(chaos::run(arguments, data)),
        Command::Attack(arguments) => block_on(attack::run(arguments)),
        Command::Load(arguments) => block_on(load::run(arguments, data)),
        Command::Bench(arguments) => bench::command::run(&arguments, data.path()),
        Command::Playground => block_on(playground::run(data)),
        Command::Run(arguments) => services::run(&arguments),
    })
}

/// Starts the log of a run, and takes the lock of its directory `name` in `data`. Returns the directory last.
fn begin(data: &Data, name: &str) -> anyhow::Result<(platform::telemetry::Telemetry, shipyard::data::Lock, PathBuf)> {
    let settings = platform::config::load()?.or("LOG_LEVEL", "error");
    let telemetry = platform::telemetry::start("lab", &settings.read()?)?;
    let lock = Data::at(data.path().join(format!("{name}.lock"))).lock()?;
    Ok((telemetry, lock, data.path().join(name)))
}
