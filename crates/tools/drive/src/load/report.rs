//! The report of a measurement.

use std::{collections::BTreeMap, fmt};

use crate::{
    latencies::Percentiles,
    load::{
        crowd::advice,
        mix::{Kind, Mix},
        plan::Plan,
    },
};

/// This program's delay, in milliseconds, from which the figures are unreliable.
const LATE_AFTER_MS: f64 = 5.0;

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// How many operations were due in the measured time, and how many of them failed.
    pub operations: u64,
    pub failed: u64,
    /// Successes per second of the measured time, counted at their end.
    pub goodput: f64,
    /// The latencies of successful operations, from when they were due, in milliseconds.
    pub latency: Percentiles,
    /// The share of failed operations, from 0 to 1.
    pub error_rate: f64,
    /// The most frequent failure reasons with their counts.
    pub reasons: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// All kinds together. The latency is that of single requests, if there are any.
    pub all: Row,
    pub kinds: BTreeMap<Kind, Row>,
    /// The p99 of this program's delay in sending due operations, in milliseconds.
    pub sent_late_p99: Option<f64>,
}

#[derive(Clone, Debug)]
pub struct Report {
    /// Due operations per second.
    pub rate: u32,
    pub mix: Mix,
    pub seed: u64,
    pub users: usize,
    pub warm_up_seconds: f64,
    pub seconds: f64,
    pub figures: Figures,
    pub notes: Vec<String>,
}

impl Report {
    pub(crate) fn new(plan: &Plan, users: usize, figures: Figures) -> Self {
        Self {
            rate: plan.rate,
            mix: plan.mix,
            seed: plan.seed,
            users,
            warm_up_seconds: plan.warm_up.as_secs_f64(),
            seconds: plan.length.as_secs_f64(),
            notes: notes(plan, &figures),
            figures,
        }
    }

    /// Returns why the run failed: the share of failed operations exceeds `allowed`, from 0 to 1.
    pub fn failure(&self, allowed: f64) -> Option<String> {
        let Row { operations, failed, error_rate: rate, .. } = self.figures.all;
        (rate > allowed).then(|| {
            let (percent, allowed) = (percent(rate), percent(allowed));
            format!("{failed} of {operations} operations failed ({percent}), and {allowed} may")
        })
    }
}

fn notes(plan: &Plan, figures: &Figures) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(late) = figures.sent_late_p99.filter(|late| *late > LATE_AFTER_MS) {
        notes.push(format!(
            "this program sent one operation of a hundred {late} ms late or later: the machine is too busy for exact figures"
        ));
    }
    let rows = figures.kinds.values().chain([&figures.all]);
    if rows.clone().any(|row| row.operations > 0 && row.latency.are_partly_unknown()) {
        notes.push(
            "- is a percentile that too few samples have: p99.9 needs 1 000 successes, p99 100, p90 10".to_owned(),
        );
    }
    let warm_up = plan.warm_up.as_secs_f64() * 1000.0;
    for (kind, row) in &figures.kinds {
        if row.latency.p50.is_some_and(|p50| p50 > warm_up) {
            notes.push(format!("{kind} takes longer than the warm-up, so that its goodput is counted too low"));
        }
    }
    let reasons = figures.kinds.values().flat_map(|row| &row.reasons);
    let mut advised: Vec<&str> = reasons.map(|reason| advice(reason)).filter(|advice| !advice.is_empty()).collect();
    advised.sort_unstable();
    advised.dedup();
    notes.extend(advised.into_iter().map(|advice| advice.trim_start_matches("; ").to_owned()));
    notes
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, users, mix, seed, seconds, warm_up_seconds, .. } = self;
        writeln!(f, "{rate}/s of {mix} by {users} users for {seconds} s after {warm_up_seconds} s, seed {seed}\n")?;
        writeln!(f, "{HEAD}")?;
        for (kind, row) in &self.figures.kinds {
            writeln!(f, "{}", Line(kind.name(), row))?;
        }
        if self.figures.kinds.len() > 1 {
            writeln!(f, "{}", Line("all", &self.figures.all))?;
        }
        for (kind, row) in &self.figures.kinds {
            for reason in &row.reasons {
                writeln!(f, "{kind}: {reason}")?;
            }
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        let (percent, all) = (percent(self.figures.all.error_rate), &self.figures.all);
        write!(
            f,
            "goodput {:.1}/s of {rate}/s, {} of {} operations failed ({percent})",
            all.goodput, all.failed, all.operations
        )
    }
}

const HEAD: &str = "          operations   failed  goodput/s    p50 ms    p90 ms    p99 ms  p99.9 ms    max ms";

struct Line<'a>(&'a str, &'a Row);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, Row { operations, failed, goodput, latency, .. }) = self;
        write!(f, "{name:<8}  {operations:>10}  {failed:>7}  {goodput:>9.1}")?;
        for time in [latency.p50, latency.p90, latency.p99, latency.p999, latency.max] {
            write!(f, "  {:>8}", time.map_or_else(|| "-".to_owned(), |time| format!("{time:.2}")))?;
        }
        Ok(())
    }
}

/// Formats a share as a percentage, such as `1.5 %`.
pub(crate) fn percent(rate: f64) -> String {
    format!("{} %", (rate * 10_000.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tally::Tally;

    fn row(successes: u64, failure: Option<&'static str>) -> Row {
        let mut tally = Tally::default();
        for number in 1..=successes {
            tally.record(Duration::from_millis(number), None);
        }
        if let Some(failure) = failure {
            tally.record(Duration::ZERO, Some(failure.into()));
        }
        let (error_rate, reasons) = (tally.error_rate(), tally.reasons());
        let latency = tally.latencies.percentiles();
        Row { operations: tally.operations, failed: tally.failed, goodput: 10.0, latency, error_rate, reasons }
    }

    fn report(row: Row, sent_late: f64) -> Report {
        let figures =
            Figures { all: row.clone(), kinds: BTreeMap::from([(Kind::Create, row)]), sent_late_p99: Some(sent_late) };
        Report::new(&Plan { warm_up: Duration::from_secs(2), ..Plan::default() }, 5, figures)
    }

    #[test]
    fn a_run_fails_above_the_allowed_error_rate_and_not_at_it() {
        let report = report(row(99, Some("503")), 0.0);

        assert_eq!(report.failure(0.01), None);
        assert_eq!(report.failure(0.009).as_deref(), Some("1 of 100 operations failed (1 %), and 0.9 % may"));
        assert!(report.failure(0.0).is_some());
    }
}
