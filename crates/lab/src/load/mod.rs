//! `lab load`: an open-loop load generator of mixed traffic against a running shop.

mod arguments;
mod stock;

use std::time::Duration;

use anyhow::ensure;
use client::addresses::ShopAddresses;
use drive::load::{Crowd, Options, Plan, Step, find_peak};
use operations::audit_run::Outcome;
use platform::{config::Settings, server::shutdown::on_signal};
use shipyard::{commands::audit, data::Data, outln};

pub use self::arguments::Arguments;
use self::stock::Stock;

/// The number of HTTP connections, which the users share.
const CONNECTIONS: usize = 64;
/// How long the audit waits until no work is pending.
const AUDIT_WAIT: Duration = Duration::from_mins(5);

/// Fails if more operations fail than `--max-errors` allows, or if no rate of `--find-peak` holds.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let stop = on_signal()?;
    tokio::select! {
        outcome = Box::pin(work(&arguments, &data)) => outcome,
        () = stop.cancelled() => anyhow::bail!("stopped; orders that are left unpaid expire by themselves"),
    }
}

async fn work(arguments: &Arguments, data: &Data) -> anyhow::Result<()> {
    let settings = data.running(Settings::load()?);
    let (users, plan, bounds) = (usize::from(arguments.users), arguments.plan(), arguments.bounds());
    // Reports invalid arguments before any user is registered.
    plan.check(users, usize::MAX)?;
    bounds.map_or(Ok(()), |bounds| bounds.check(&plan))?;
    if arguments.audit {
        audit::sources(&settings, data)?.databases.close().await;
    }
    let addresses = ShopAddresses::from_settings(&settings)?;
    let mut stock = Stock::new(&settings, &addresses.inventory, data)?;
    let crowd = Crowd::gather(&Options { addresses, users, connections: CONNECTIONS, kinds_of_parts: None }).await?;
    let plan = Plan { parts_per_order: plan.parts_per_order.min(crowd.parts().len()), ..plan };
    let mut measure = async |rate: u32| {
        let plan = plan.at(rate);
        stock.provide(&crowd, &plan).await?;
        crowd.measure(&plan).await
    };
    let failure = match bounds {
        None => {
            eprintln!("sending traffic for {:?}", plan.total());
            let report = measure(plan.rate).await?;
            outln!("{report}");
            report.failure(arguments.max_errors)
        }
        Some(bounds) => {
            outln!("{}", Step::HEAD);
            let peak = find_peak(&bounds, measure, |step| outln!("{step}")).await?;
            outln!("{peak}");
            peak.rate.is_none().then(|| peak.to_string())
        }
    };
    let left = crowd.tidy().await;
    if left > 0 {
        eprintln!("{left} unpaid orders could not be cancelled; they expire by themselves");
    }
    let audit = if arguments.audit {
        let audit = audit::audit(AUDIT_WAIT, data).await?;
        outln!("\n{audit}");
        Some(audit)
    } else {
        None
    };
    ensure!(failure.is_none(), failure.unwrap_or_default());
    audit.as_ref().map_or(Ok(()), Outcome::check)
}
