//! `lab attack`: attacks a running shop as strangers could, and measures the latency of its customers meanwhile.

use std::time::Duration;

use client::addresses::ShopAddresses;
use drive::attack::{
    HEAD, Options, Phases,
    attacks::{self, Attack},
};
use platform::{config, server::shutdown::on_signal};
use shipyard::outln;

/// Customers are measured for these durations before, during and after each attack.
const PHASES: Phases =
    Phases { before: Duration::from_secs(10), during: Duration::from_secs(10), after: Duration::from_secs(5) };
/// The customers, each with connections of its own, and the requests per second that they send together.
const USERS: usize = 5;
const RATE: u32 = 50;

#[derive(clap::Args)]
pub struct Arguments {
    /// Attacks to make (default: all)
    #[arg(value_parser = attack, value_name = "ATTACK")]
    attacks: Vec<String>,
    /// Multiply the bounds of p99 by this factor, for a busy machine; 0 checks only failed requests
    #[arg(long, default_value_t = 1.0, value_parser = slack, value_name = "FACTOR")]
    slack: f64,
    /// List the attacks and exit
    #[arg(long)]
    list: bool,
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
    let options = Options {
        addresses: ShopAddresses::from_settings(&config::load()?)?,
        attacks,
        phases: PHASES,
        rate: RATE,
        users: USERS,
        scale: 1.0,
        slack: arguments.slack,
    };
    let stop = on_signal()?;
    let mut is_first = true;
    let work = drive::attack::run(&options, |row| {
        if std::mem::take(&mut is_first) {
            outln!("{HEAD}");
        }
        outln!("{row}");
    });
    let report = tokio::select! {
        report = work => report?,
        () = stop.cancelled() => anyhow::bail!("stopped"),
    };
    outln!("\n{report}");
    report.failure().map_or(Ok(()), |failure| Err(anyhow::anyhow!(failure)))
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

fn slack(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "is not a number")?;
    if (0.0..=100.0).contains(&factor) { Ok(factor) } else { Err("is not between 0 and 100".to_owned()) }
}
