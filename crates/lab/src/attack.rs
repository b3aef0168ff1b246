//! `lab attack`: attacks a running shop as strangers could, and measures the latency of its customers meanwhile.

use std::{io::IsTerminal as _, time::Duration};

use drive::attack::{
    HEAD, Options, Phases, Report,
    attacks::{self, Attack},
};
use indicatif::{ProgressBar, ProgressStyle};
use platform::{config::Settings, server::shutdown::on_signal};
use shipyard::{commands::address_arguments::AddressArguments, outln, output};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    addresses: AddressArguments,
    /// Attacks to make (default: all)
    #[arg(value_parser = attack, value_name = "ATTACK")]
    attacks: Vec<String>,
    /// Duration of the measurement of customers before each attack
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    before: Duration,
    /// Duration of each attack
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    during: Duration,
    /// Duration of the measurement of customers after each attack
    #[arg(long, default_value = "5s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    after: Duration,
    /// Requests per second that the customers send
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// Number of customers, each with connections of its own
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    users: u16,
    /// Multiply the connections, streams and requests of each attack by this factor
    #[arg(long, default_value_t = 1.0, value_parser = scale, value_name = "FACTOR")]
    scale: f64,
    /// Multiply the bounds of p99 by this factor, for a busy machine; 0 checks only failed requests
    #[arg(long, default_value_t = 1.0, value_parser = slack, value_name = "FACTOR")]
    slack: f64,
    /// List the attacks and exit
    #[arg(long)]
    list: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Fails if a customer's request fails, or is slower than the bound of an attack allows.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let attacks = chosen(&arguments.attacks);
    if arguments.list {
        for Attack { name, what, bound, .. } in attacks {
            outln!("{name:<15}  p99 at most {bound:>3} times: {what}");
        }
        return Ok(());
    }
    let options = options(&arguments, attacks)?;
    let stop = on_signal()?;
    let bar = progress(options.phases.total() * u32::try_from(options.attacks.len())?);
    let tell = |text: String| if arguments.json { eprintln!("{text}") } else { outln!("{text}") };
    let mut is_first = true;
    let work = drive::attack::run(
        &options,
        |row| {
            let head = if std::mem::take(&mut is_first) { format!("{HEAD}\n") } else { String::new() };
            bar.suspend(|| tell(format!("{head}{row}")));
        },
        |doing| bar.set_message(doing.to_owned()),
    );
    let report = tokio::select! {
        report = work => report?,
        () = stop.cancelled() => anyhow::bail!("stopped"),
    };
    bar.finish_and_clear();
    end(&report, arguments.json)
}

fn options(arguments: &Arguments, attacks: Vec<Attack>) -> anyhow::Result<Options> {
    let Arguments { before, during, after, rate, users, scale, slack, .. } = *arguments;
    Ok(Options {
        addresses: arguments.addresses.completed(&Settings::load()?)?,
        attacks,
        phases: Phases { before, during, after },
        rate,
        users: users.into(),
        scale,
        slack,
    })
}

fn attack(text: &str) -> Result<String, &'static str> {
    let known = attacks::ALL.iter().any(|attack| text == attack.name);
    known.then(|| text.to_owned()).ok_or("there is no such attack; see `lab attack --list`")
}

/// Returns the named attacks, or all.
fn chosen(names: &[String]) -> Vec<Attack> {
    let is_chosen = |attack: &Attack| names.is_empty() || names.iter().any(|name| name == attack.name);
    attacks::ALL.into_iter().filter(is_chosen).collect()
}

fn end(report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        output::json(report)?;
    } else {
        outln!("\n{report}");
    }
    report.failure().map_or(Ok(()), |failure| Err(anyhow::anyhow!(failure)))
}

fn scale(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "is not a number")?;
    if (0.001..=10.0).contains(&factor) { Ok(factor) } else { Err("is not between 0.001 and 10".to_owned()) }
}

fn slack(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "is not a number")?;
    if (0.0..=100.0).contains(&factor) { Ok(factor) } else { Err("is not between 0 and 100".to_owned()) }
}

/// A progress bar for the whole run, which advances with time.
fn progress(length: Duration) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{elapsed:>5} {bar:24} {percent:>3} %  {wide_msg}");
    let bar = ProgressBar::new(length.as_secs());
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let ticking = bar.clone();
    tokio::spawn(async move {
        while !ticking.is_finished() {
            ticking.set_position(ticking.elapsed().as_secs());
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    });
    bar
}
