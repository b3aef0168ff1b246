//! `shipyard chaos`: runs the whole system as separate processes, does one fault after another to it, and tells what came of each.
//! With `LOG_LEVEL=info` it says on standard error what it does when.

use std::{io::IsTerminal as _, path::Path, time::Duration};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use platform::{config::Settings, shutdown::on_signal, telemetry};

use crate::data::Data;
use chaos::{self, HEAD, Options, Report, Row, cluster::BrokerKind, experiment::Fault, faults};

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Arguments {
    /// These faults alone, separated by commas; a name such as `kill`, or a number of the list.
    #[arg(long, value_delimiter = ',', value_name = "FAULT")]
    only: Vec<String>,
    /// Not these.
    #[arg(long, value_delimiter = ',', value_name = "FAULT")]
    skip: Vec<String>,
    /// A look instead of a proof: each fault fewer times and shorter.
    #[arg(long)]
    brief: bool,
    /// Decides everything that is left to chance; another one each time unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Processes of each service: one is replaced while another works.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=4))]
    replicas: u8,
    /// Customers who buy all the time, each a request a second or so.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=1000))]
    customers: u16,
    /// How many times longer than promised a recovery may take: for a machine that has other things to do.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    slack: u32,
    /// Which Kafka is hurt. The mock cannot be: faults of the broker are left out with it.
    #[arg(long, value_enum, default_value_t = BrokerKind::Auto)]
    broker: BrokerKind,
    /// Tell what there is, and do nothing.
    #[arg(long)]
    list: bool,
    /// Fail also where a fault cannot be injected here.
    #[arg(long)]
    all: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Does what the arguments say. Fails when an invariant is broken or a recovery took too long.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let chosen = chosen(&arguments)?;
    if arguments.list {
        for Fault { number, name, what, .. } in chosen {
            println!("{number:>2}  {name:<18}  {what}");
        }
        return Ok(());
    }
    let settings = Settings::load()?.or("LOG_LEVEL", "error");
    let _telemetry = telemetry::start("shipyard", &settings.read()?)?;
    let stop = on_signal()?;
    let directory = data.path().join("chaos");
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
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
    let tell = |text: String| if arguments.json { eprintln!("{text}") } else { println!("{text}") };
    tell(introduction(&options, &directory));
    let work = chaos::run(
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

fn chosen(arguments: &Arguments) -> anyhow::Result<Vec<Fault>> {
    let all = faults::all();
    let named = |fault: &Fault, names: &[String]| {
        names.iter().any(|name| *name == fault.name || *name == fault.number.to_string())
    };
    for name in arguments.only.iter().chain(&arguments.skip) {
        let known = all.iter().any(|fault| named(fault, std::slice::from_ref(name)));
        anyhow::ensure!(known, "there is no fault {name}; `shipyard chaos --list` names all");
    }
    let wanted = |fault: &Fault| arguments.only.is_empty() || named(fault, &arguments.only);
    let chosen: Vec<Fault> = all.into_iter().filter(|fault| wanted(fault) && !named(fault, &arguments.skip)).collect();
    anyhow::ensure!(!chosen.is_empty(), "no fault is left to do");
    Ok(chosen)
}

/// A row, and what must not be below it at once.
fn lines(row: &Row) -> String {
    row.violations.iter().fold(row.to_string(), |text, violation| format!("{text}\n      {violation}"))
}

fn introduction(options: &Options, directory: &Path) -> String {
    let processes = options.replicas * 6;
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
        serde_json::to_writer_pretty(std::io::stdout().lock(), report)?;
        println!();
    } else {
        println!("\n{report}");
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
