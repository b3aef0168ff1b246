//! `lab load`: an open-loop load generator of mixed traffic against a running shop.

mod arguments;
mod progress;
mod stock;

use std::fmt;

use drive::load::{Crowd, Peak, Plan, Report, Step, find_peak};
use operations::audit_run::Outcome;
use platform::{config::Settings, server::shutdown::on_signal};
use serde::Serialize;
use shipyard::{commands::audit, data::Data, outln, output};

pub use self::arguments::Arguments;
use self::{progress::Progress, stock::Stock};

/// The report as JSON.
#[derive(Serialize)]
struct Output {
    #[serde(flatten)]
    measured: Measured,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<Outcome>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Measured {
    Rate(Box<Report>),
    Peak(Peak),
}

/// Fails if more operations fail than `--max-errors` allows, or if no rate of `--find-peak` holds.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let stop = on_signal()?;
    let output = tokio::select! {
        output = Box::pin(work(&arguments, &data)) => output?,
        () = stop.cancelled() => anyhow::bail!("stopped; orders that are left unpaid expire by themselves"),
    };
    if arguments.json {
        output::json(&output)?;
    } else {
        outln!("{output}");
    }
    if let Some(failure) = output.measured.failure(arguments.max_errors) {
        anyhow::bail!(failure);
    }
    output.audit.as_ref().map_or(Ok(()), Outcome::check)
}

async fn work(arguments: &Arguments, data: &Data) -> anyhow::Result<Output> {
    let settings = data.running(Settings::load()?);
    let (options, plan) = (arguments.options(&settings)?, arguments.plan());
    // Reports invalid arguments before any user is registered.
    plan.check(options.users, usize::MAX)?;
    let bounds = arguments.find_peak.then(|| arguments.bounds());
    bounds.map_or(Ok(()), |bounds| bounds.check(&plan))?;
    if arguments.audit {
        audit::sources(&settings, data)?.databases.close().await;
    }
    let progress = Progress::new(arguments.json);
    let crowd = Crowd::gather(&options, |count| progress.count("registering users", count, options.users)).await?;
    let plan = Plan { parts_per_order: plan.parts_per_order.min(crowd.parts().len()), ..plan };
    let mut stock = Stock::new(&crowd, arguments, &settings, data)?;
    let mut measure = async |rate: u32| {
        let plan = plan.at(rate);
        stock.provide(&plan, &progress).await?;
        let report = crowd.measure(&plan, |stage| progress.show(stage)).await;
        progress.clear();
        report
    };
    let measured = match bounds {
        None => Measured::Rate(Box::new(measure(plan.rate).await?)),
        Some(bounds) => {
            progress.line(Step::HEAD);
            Measured::Peak(find_peak(&bounds, measure, |step| progress.line(&step.to_string())).await?)
        }
    };
    if !arguments.keep_orders {
        tidy(&crowd, &progress).await;
    }
    progress.clear();
    let audit = if arguments.audit {
        Some(audit::audit(&audit::Arguments::waiting(arguments.audit_wait), data).await?)
    } else {
        None
    };
    Ok(Output { measured, audit })
}

async fn tidy(crowd: &Crowd, progress: &Progress) {
    let unpaid = crowd.unpaid();
    let failed = crowd.tidy(|count| progress.count("cancelling unpaid orders", count, unpaid)).await;
    if failed > 0 {
        progress.note(&format!("{failed} of {unpaid} unpaid orders could not be cancelled; they expire by themselves"));
    }
}

impl Measured {
    fn failure(&self, allowed: f64) -> Option<String> {
        match self {
            Self::Rate(report) => report.failure(allowed),
            Self::Peak(peak) => peak.rate.is_none().then(|| peak.to_string()),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.measured {
            Measured::Rate(report) => write!(f, "{report}")?,
            Measured::Peak(peak) => write!(f, "{peak}")?,
        }
        self.audit.as_ref().map_or(Ok(()), |audit| write!(f, "\n\n{audit}"))
    }
}
