//! The report of a measurement, for people and as JSON.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

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
/// How many failure reasons are shown per kind, most frequent first. JSON lists all.
const MAX_REASONS: usize = 5;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// How many operations were due in the measured time, and how many of them failed.
    pub operations: u64,
    pub failed: u64,
    /// Successes per second of the measured time, counted at their end.
    pub goodput: f64,
    /// The latencies of successful operations, from when they were due, in milliseconds.
    pub latency: Percentiles,
    /// How many failures each reason has.
    pub failures: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// All kinds together. The latency is that of single requests, if there are any.
    pub all: Row,
    pub kinds: BTreeMap<Kind, Row>,
    /// The p99 of this program's delay in sending due operations, in milliseconds.
    pub sent_late_p99: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Due operations per second.
    pub rate: u32,
    pub mix: Mix,
    pub seed: u64,
    pub users: usize,
    pub warm_up_seconds: f64,
    pub seconds: f64,
    #[serde(flatten)]
    pub figures: Figures,
    /// This process's processor time per operation, in microseconds; `None` if the system does not report it.
    pub cpu_microseconds_per_operation: Option<f64>,
    pub notes: Vec<String>,
}

impl Row {
    /// Returns the share of failed operations, from 0 to 1.
    pub fn error_rate(&self) -> f64 {
        ratio(self.failed, self.operations)
    }
}

impl Report {
    pub(crate) fn new(plan: &Plan, users: usize, figures: Figures, cpu: Option<f64>) -> Self {
        Self {
            rate: plan.rate,
            mix: plan.mix,
            seed: plan.seed,
            users,
            warm_up_seconds: plan.warm_up.as_secs_f64(),
            seconds: plan.length.as_secs_f64(),
            notes: notes(plan, &figures),
            figures,
            cpu_microseconds_per_operation: cpu.map(|micros| (micros * 10.0).round() / 10.0),
        }
    }

    /// Returns why the run failed: the share of failed operations exceeds `allowed`, from 0 to 1.
    pub fn failure(&self, allowed: f64) -> Option<String> {
        let Row { operations, failed, .. } = self.figures.all;
        let rate = self.figures.all.error_rate();
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
            notes.push(format!(
                "{kind} takes longer than the warm-up, so that its goodput is counted too low; make that longer"
            ));
        }
    }
    let reasons = figures.kinds.values().flat_map(|row| row.failures.keys());
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
            let mut reasons: Vec<_> = row.failures.iter().collect();
            reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            for (reason, count) in reasons.into_iter().take(MAX_REASONS) {
                writeln!(f, "{kind}: {count} × {reason}")?;
            }
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        if let Some(cpu) = self.cpu_microseconds_per_operation {
            writeln!(f, "this program took {cpu} µs of processor time for an operation")?;
        }
        let (percent, all) = (percent(self.figures.all.error_rate()), &self.figures.all);
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

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵²")]
fn ratio(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::latencies::Latencies;

    fn row(successes: u64, failures: &[(&str, u64)]) -> Row {
        let mut latencies = Latencies::default();
        for number in 1..=successes {
            latencies.record(Duration::from_millis(number));
        }
        let failed = failures.iter().map(|(_, count)| count).sum();
        Row {
            operations: successes + failed,
            failed,
            goodput: 10.0,
            latency: latencies.percentiles(),
            failures: failures.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect(),
        }
    }

    fn report(row: Row, sent_late: f64) -> Report {
        let figures =
            Figures { all: row.clone(), kinds: BTreeMap::from([(Kind::Create, row)]), sent_late_p99: Some(sent_late) };
        Report::new(&Plan { warm_up: Duration::from_secs(2), ..Plan::default() }, 5, figures, Some(81.26))
    }

    #[test]
    fn a_run_fails_above_the_allowed_error_rate_and_not_at_it() {
        let report = report(row(99, &[("503", 1)]), 0.0);

        assert_eq!(report.failure(0.01), None);
        assert_eq!(report.failure(0.009).as_deref(), Some("1 of 100 operations failed (1 %), and 0.9 % may"));
        assert!(report.failure(0.0).is_some());
    }

    #[test]
    fn what_is_not_known_is_a_dash_and_said() {
        let text = report(row(99, &[]), 0.0).to_string();

        let line = text.lines().find(|line| line.starts_with("create")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..4], ["create", "99", "0", "10.0"]);
        assert_eq!((words[6], words[7], words[8]), ("-", "-", "99.00"), "{line}");
        assert!(text.contains("- is a percentile that too few samples have"), "{text}");
    }

    #[test]
    fn a_full_report_has_no_note() {
        let full = report(row(1000, &[]), 1.0);

        assert!(full.notes.is_empty(), "{:?}", full.notes);
        assert!(full.to_string().contains("81.3 µs"), "{full}");
    }

    #[test]
    fn what_blurs_the_figures_is_said() {
        let notes = |report: Report| report.notes.join("\n");

        assert!(notes(report(row(1000, &[]), 6.0)).contains("6 ms late"));
        assert!(notes(report(row(1000, &[("409 OUT_OF_STOCK", 1)]), 0.0)).contains("restock"));
        assert!(notes(report(row(5000, &[]), 0.0)).contains("create takes longer than the warm-up"));
    }

    #[test]
    fn json_has_the_figures_of_each_kind() {
        let json = serde_json::to_value(report(row(1000, &[("503", 2)]), 0.5)).unwrap();

        assert_eq!(
            (&json["all"]["operations"], &json["kinds"]["create"]["failures"]["503"]),
            (&1002.into(), &2.into())
        );
        assert!(json["kinds"]["create"]["latency"]["p999"].is_number(), "{json:#}");
        assert_eq!(json["mix"], Mix::default().to_string());
    }
}
