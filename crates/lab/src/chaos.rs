//! `lab chaos`: chaos testing of the whole system, run as separate processes. Prints a report row per fault.
//! With `LOG_LEVEL=info` it logs its activity to standard error.

use std::{io::IsTerminal as _, path::Path, time::Duration};

use ::chaos::{HEAD, Options, Report, Row, cluster::BrokerKind, experiment::Fault, faults};
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use platform::{config::Settings, random::Random, server::shutdown::on_signal, telemetry};
use shipyard::{data::Data, outln, output};

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    /// Inject only these faults: names such as `kill`, or numbers of the list, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = fault, value_name = "FAULT")]
    only: Vec<String>,
    /// Leave out these faults
    #[arg(long, value_delimiter = ',', value_parser = fault, value_name = "FAULT")]
    skip: Vec<String>,
    /// Inject each fault fewer times and for a shorter time: a quick check, not a proof
    #[arg(long)]
    brief: bool,
    /// Seed of the random choices (default: random)
    #[arg(long)]
    seed: Option<u64>,
    /// Processes per service
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=4))]
    replicas: u8,
    /// Simulated customers, each sending about one request per second
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=1000))]
    customers: u16,
    /// Multiply the allowed recovery times, for a busy machine
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    slack: u32,
    /// Kafka broker to use. With the mock, broker faults are skipped, since it does not support them
    #[arg(long, value_enum, default_value_t = BrokerKind::Auto)]
    broker: BrokerKind,
    /// List the faults and exit
    #[arg(long)]
    list: bool,
    /// Fail if any fault cannot be injected here
    #[arg(long)]
    all: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Fails if an invariant is violated or a recovery exceeds its bound.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let chosen = chosen(&arguments)?;
    if arguments.list {
        for fault in chosen {
            outln!("{:>2}  {:<18}  {fault}", fault.number, fault.name);
        }
        return Ok(());
    }
    let settings = Settings::load()?.or("LOG_LEVEL", "error");
    let _telemetry = telemetry::start("lab", &settings.read()?)?;
    let stop = on_signal()?;
    let directory = data.path().join("chaos");
    let seed = arguments.seed.unwrap_or_else(|| Random::default().between(0..=u64::from(u32::MAX)));
    let options = Options {
        seed,
        faults: chosen,
        brief: arguments.brief,
        directory: directory.clone(),
        broker: arguments.broker,
        replicas: arguments.replicas.into(),
        customers: arguments.customers.into(),
        slack: arguments.slack,
    };
    std::fs::create_dir_all(data.path()).with_context(|| data.path().display().to_string())?;
    let _lock = Data::at(data.path().join("chaos.lock")).lock()?;
    let line = progress();
    let tell = |text: String| if arguments.json { eprintln!("{text}") } else { outln!("{text}") };
    tell(introduction(&options, &directory));
    let work = ::chaos::run(
        &options,
        |row| line.suspend(|| tell(lines(row))),
        |doing| {
            line.set_message(doing.to_owned());
            tracing::info!("{doing}");
        },
    );
    let report = tokio::select! {
        report = work => report?,
        () = stop.cancelled() => anyhow::bail!("stopped; seed {seed}"),
    };
    line.finish_and_clear();
    end(&report, &arguments)
}

/// Accepts the name or the number of a fault.
fn fault(text: &str) -> Result<String, &'static str> {
    let known = faults::all().iter().any(|fault| text == fault.name || text == fault.number.to_string());
    known.then(|| text.to_owned()).ok_or("there is no such fault; see `lab chaos --list`")
}

fn chosen(arguments: &Arguments) -> anyhow::Result<Vec<Fault>> {
    let all = faults::all();
    let named = |fault: &Fault, names: &[String]| {
        names.iter().any(|name| *name == fault.name || *name == fault.number.to_string())
    };
    let wanted = |fault: &Fault| arguments.only.is_empty() || named(fault, &arguments.only);
    let chosen: Vec<Fault> = all.into_iter().filter(|fault| wanted(fault) && !named(fault, &arguments.skip)).collect();
    anyhow::ensure!(!chosen.is_empty(), "no fault is selected");
    Ok(chosen)
}

/// A report row, followed by its violations.
fn lines(row: &Row) -> String {
    row.violations.iter().fold(row.to_string(), |text, violation| format!("{text}\n      {violation}"))
}

fn introduction(options: &Options, directory: &Path) -> String {
    let processes = options.replicas * operations::registry::SERVICES.len();
    format!(
        "{} faults, {processes} processes, {} customers, seed {}; logs and data in {}\n\n{HEAD}",
        options.faults.len(),
        options.customers,
        options.seed,
        directory.display(),
    )
}

fn end(report: &Report, arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.json {
        output::json(report)?;
    } else {
        outln!("\n{report}");
    }
    report.failure(arguments.all).map_or(Ok(()), |failure| Err(anyhow::anyhow!(failure)))
}

fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{elapsed:>8} {spinner} {wide_msg}");
    let line = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    line.enable_steady_tick(Duration::from_millis(100));
    line
}
