//! The report of a measurement.

use std::{collections::BTreeMap, fmt};

use crate::{
    load::{
        crowd::advice,
        mix::{Kind, Mix},
        plan::Plan,
    },
    tally::Tally,
};

/// This program's delay, in milliseconds, from which the figures are unreliable.
const LATE_AFTER_MS: f64 = 5.0;

#[derive(Clone, Debug)]
pub struct Row {
    /// The operations that were due in the measured time.
    pub tally: Tally,
    /// Successes per second of the measured time, counted at their end.
    pub goodput: f64,
}

#[derive(Clone, Debug)]
pub struct Figures {
    /// All kinds together. The latencies are those of single requests, if there are any.
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
        let tally = &self.figures.all.tally;
        let (operations, failed) = (tally.operations, tally.failed);
        (tally.error_rate() > allowed).then(|| {
            let (percent, allowed) = (percent(tally.error_rate()), percent(allowed));
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
    if rows.clone().any(|row| row.tally.operations > 0 && row.tally.latencies.percentiles().are_partly_unknown()) {
        notes.push(
            "- is a percentile that too few samples have: p99.9 needs 1 000 successes, p99 100, p90 10".to_owned(),
        );
    }
    let warm_up = plan.warm_up.as_secs_f64() * 1000.0;
    for (kind, row) in &figures.kinds {
        if row.tally.latencies.percentiles().p50.is_some_and(|p50| p50 > warm_up) {
            notes.push(format!("{kind} takes longer than the warm-up, so that its goodput is counted too low"));
        }
    }
    let reasons = figures.kinds.values().flat_map(|row| row.tally.reasons());
    let mut advised: Vec<&str> = reasons.map(|reason| advice(&reason)).filter(|advice| !advice.is_empty()).collect();
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
            for reason in row.tally.reasons() {
                writeln!(f, "{kind}: {reason}")?;
            }
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        let Row { tally, goodput } = &self.figures.all;
        let (failed, operations, percent) = (tally.failed, tally.operations, percent(tally.error_rate()));
        write!(f, "goodput {goodput:.1}/s of {rate}/s, {failed} of {operations} operations failed ({percent})")
    }
}

const HEAD: &str = "          operations   failed  goodput/s    p50 ms    p90 ms    p99 ms  p99.9 ms    max ms";

struct Line<'a>(&'a str, &'a Row);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, Row { tally: Tally { operations, failed, latencies, .. }, goodput }) = self;
        let latency = latencies.percentiles();
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

    #[test]
    fn a_run_fails_above_the_allowed_error_rate_and_not_at_it() {
        let mut tally = Tally::default();
        for number in 0..100 {
            tally.record(Duration::from_millis(10), (number == 0).then_some("503".into()));
        }
        let figures = Figures { all: Row { tally, goodput: 10.0 }, kinds: BTreeMap::new(), sent_late_p99: None };
        let report = Report::new(&Plan::default(), 5, figures);

        assert_eq!(report.failure(0.01), None);
        assert_eq!(report.failure(0.009).as_deref(), Some("1 of 100 operations failed (1 %), and 0.9 % may"));
    }
}
