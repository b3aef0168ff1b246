//! The command line of every service's binary: `run` and `health`.

use std::{future::Future, net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::Context as _;
use base::{clock, config::descriptions::Descriptions};
use clap::Parser;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    config,
    server::{
        service::{Service, reachable},
        shutdown,
    },
    telemetry,
};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
pub enum Command {
    /// Run the service (default)
    Run,
    /// Ask the running service whether it is ready; the exit code is 0 if it is
    Health,
}

/// The `main` function of a service. Reads the configuration from the environment and runs the service until a signal
/// stops it. After a configuration error or a failed start, prints one line to standard error and returns exit code 1.
pub fn main(service: &'static Service) -> ExitCode {
    let matches = <Arguments as clap::Args>::augment_args(clap::Command::new(service.name))
        .about(service.about)
        .version(service.version)
        .after_help("Configured by environment variables; .env.example lists them all.")
        .get_matches();
    let arguments = <Arguments as clap::FromArgMatches>::from_arg_matches(&matches);
    match arguments {
        Err(error) => error.exit(),
        Ok(arguments) => report(execute(service, arguments.command)),
    }
}

/// Executes a command that [`main`] has parsed.
pub fn execute(service: &'static Service, command: Option<Command>) -> anyhow::Result<()> {
    match command {
        Some(Command::Health) => block_on(health(service)),
        Some(Command::Run) | None => block_on(serve(service)),
    }
}

/// Prints an error as one line to standard error and returns exit code 1; returns success if there is none.
pub fn report(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// Formats an error and its causes on one line; of an HTTP client's error only the root cause.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        if cause.is::<reqwest::Error>() {
            parts.push(error.root_cause().to_string());
            break;
        }
        parts.push(cause.to_string());
    }
    parts.join(": ")
}

/// Runs a future on a runtime whose shutdown waits at most one second for blocking threads.
pub fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn serve(service: &Service) -> anyhow::Result<()> {
    let settings = config::load()?;
    let _telemetry = telemetry::start(service.name, &settings.read()?)?;
    settings.check_names()?;
    clock::set_offset(&settings)?;
    Descriptions::choose(&settings)?;
    let stop = shutdown::on_signal()?;
    (service.build)(settings).await?.run(stop).await
}

async fn health(service: &Service) -> anyhow::Result<()> {
    let address = reachable(service.admin_listen(&config::load_unresolved()?)?);
    let response = tokio::time::timeout(Duration::from_secs(3), get_ready(address)).await;
    let response = response.with_context(|| format!("{address} did not answer within 3 s"))??;
    anyhow::ensure!(response.starts_with("HTTP/1.1 200"), "not ready: {}", response.lines().last().unwrap_or_default());
    Ok(())
}

/// Sends `GET /health/ready` and returns the complete response. This needs no HTTP client.
async fn get_ready(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
    let request = format!("GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response)
}
