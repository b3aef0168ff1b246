//! `lab bench`: what is measured, and for how long. The same command also runs as the measured
//! child processes.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use operations::registry;
use platform::{
    cli::block_on,
    config::Settings,
    server::{service::Service, shutdown::on_signal},
    telemetry,
};
use tokio::sync::OnceCell;

use crate::{
    child,
    lab::Lab,
    page,
    ratios::{self, Ratio},
    report::Report,
    rounds::Effort,
};

/// The number of customers. To create an order, the service counts the customer's unpaid orders. A run creates some
/// 300 000 orders, so each of 10 000 customers has at most some thirty. With fewer customers, each would have more
/// unpaid orders than a customer of a real shop.
const CUSTOMERS: usize = 10_000;

#[derive(Args)]
#[command(after_help = "docs/proven.md says what each ratio means.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Measure only these ratios: P1, P6 and so on, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "RATIO")]
    only: Vec<String>,
    /// Minimum number of rounds; from three, more follow while a denominator varies, up to six
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
    rounds: u8,
    /// Duration of one measurement, in seconds
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    seconds: f64,
    /// Write the measured values into the table of docs/proven.md
    #[arg(long)]
    update_page: bool,
    /// List the ratios and exit
    #[arg(long)]
    list: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run these services in this process
    #[command(hide = true)]
    Serve {
        #[arg(required = true, value_parser = registry::parser())]
        services: Vec<&'static Service>,
    },
    /// Serve one HTTP route and one gRPC method that do nothing
    #[command(hide = true)]
    ServeNothing,
}

fn seconds(given: &str) -> Result<f64, String> {
    let seconds: f64 = given.parse().map_err(|_| "is not a number".to_owned())?;
    if (0.1..=600.0).contains(&seconds) { Ok(seconds) } else { Err("is not between 0.1 and 600".to_owned()) }
}

/// Measures the chosen ratios, and prints them as tables. The servers' data and all logs are below `data`, in a
/// directory that is emptied before and after.
pub fn run(arguments: &Arguments, data: &Path) -> anyhow::Result<()> {
    match &arguments.command {
        Some(Command::Serve { services }) => child::serve(services),
        Some(Command::ServeNothing) => child::serve_nothing(),
        None if arguments.list => {
            for ratio in ratios::ALL {
                println!("{:<4} {}", ratio.id, ratio.what);
            }
            Ok(())
        }
        None => block_on(measure(arguments, &data.join("bench"))),
    }
}

async fn measure(arguments: &Arguments, data: &Path) -> anyhow::Result<()> {
    let chosen = ratios::chosen(&arguments.only)?;
    let settings = Settings::default().or("LOG_LEVEL", "error");
    let _telemetry = telemetry::start("bench", &settings.read()?)?;
    let stop = on_signal()?;
    let program = std::env::current_exe().context("finding this program")?;
    let (rounds, time) = (arguments.rounds.into(), Duration::from_secs_f64(arguments.seconds));
    let effort = Effort { rounds, time, customers: CUSTOMERS };
    let lab = Lab::new(program, data, effort)?;
    let measured = tokio::select! {
        measured = each(&lab, &chosen) => measured,
        () = stop.cancelled() => Err(anyhow::anyhow!("stopped")),
    };
    lab.stop().await;
    let report = measured?;
    println!("{report}");
    if arguments.update_page {
        page::update(&report)?;
    }
    report.problem().map_or(Ok(()), |problem| Err(anyhow::anyhow!(problem)))
}

/// Measures these ratios one after another. If one cannot be measured, the others still are. Fails if the servers
/// cannot be started.
pub async fn each(lab: &Lab, chosen: &[Ratio]) -> anyhow::Result<Report> {
    if cfg!(debug_assertions) {
        eprintln!("this program is not optimised: the figures mean nothing");
    }
    lab.servers().await?;
    let mut report = Report::default();
    let warm = OnceCell::new();
    for ratio in chosen {
        eprintln!("{}: {}", ratio.id, ratio.what);
        let measured = async {
            if ratio.uses_broker() {
                warm.get_or_try_init(|| ratios::warm_up(lab)).await.context("warming up")?;
            }
            lab.empty_tables().await?;
            (ratio.measure)(lab).await
        };
        match measured.await {
            Ok(rows) => report.rows.extend(rows),
            Err(error) => {
                let problem = format!("{error:#}");
                eprintln!("{}: {problem}", ratio.id);
                report.failures.push((ratio.id, problem));
            }
        }
    }
    Ok(report)
}
