//! `lab chaos`: chaos testing of the whole system, run as separate processes. Prints a report row per fault.
//! With `LOG_LEVEL=info` it logs its activity to standard error.

use ::chaos::{CUSTOMERS, HEAD, Options, experiment::Fault, faults};
use platform::{random::Random, server::shutdown::on_signal};
use shipyard::{data::Data, outln};

#[derive(clap::Args)]
pub struct Arguments {
    /// Inject only these faults: names such as `kill`, or numbers of the list, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = fault, value_name = "FAULT")]
    only: Vec<String>,
    /// Inject each fault fewer times and for a shorter time: a quick check, not a proof
    #[arg(long)]
    brief: bool,
    /// Seed of the random choices (default: random)
    #[arg(long)]
    seed: Option<u64>,
    /// Multiply the allowed recovery times, for a busy machine
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    slack: u32,
    /// List the faults and exit
    #[arg(long)]
    list: bool,
    /// Fail if any fault cannot be injected here
    #[arg(long)]
    all: bool,
}

/// Fails if an invariant is violated or a recovery exceeds its bound.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let chosen = chosen(&arguments.only);
    if arguments.list {
        for fault in chosen {
            outln!("{:>2}  {:<18}  {fault}", fault.number, fault.name);
        }
        return Ok(());
    }
    let (_telemetry, _lock, directory) = crate::begin(&data, "chaos")?;
    let stop = on_signal()?;
    let seed = arguments.seed.unwrap_or_else(|| Random::default().between(0..=u64::from(u32::MAX)));
    let options =
        Options { seed, faults: chosen, brief: arguments.brief, directory: directory.clone(), slack: arguments.slack };
    outln!(
        "{} faults, {CUSTOMERS} customers, seed {seed}; logs and data in {}\n\n{HEAD}",
        options.faults.len(),
        directory.display()
    );
    let work = ::chaos::run(&options, |row| outln!("{row}"));
    let report = tokio::select! {
        report = work => report?,
        () = stop.cancelled() => anyhow::bail!("stopped; seed {seed}"),
    };
    outln!("\n{report}");
    report.failure(arguments.all).map_or(Ok(()), |failure| Err(anyhow::anyhow!(failure)))
}

/// Accepts the name or the number of a fault.
fn fault(text: &str) -> Result<String, &'static str> {
    let known = faults::all().iter().any(|fault| text == fault.name || text == fault.number.to_string());
    known.then(|| text.to_owned()).ok_or("there is no such fault; see `lab chaos --list`")
}

fn chosen(names: &[String]) -> Vec<Fault> {
    let is_named = |fault: &Fault| names.iter().any(|name| *name == fault.name || *name == fault.number.to_string());
    faults::all().into_iter().filter(|fault| names.is_empty() || is_named(fault)).collect()
}
