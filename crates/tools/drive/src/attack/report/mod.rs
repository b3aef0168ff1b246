//! The report of a run, for people and as JSON.

mod verdict;

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use self::verdict::ratio;
use crate::attack::{
    Phases,
    attacker::Counts,
    attacks::Attack,
    measurement::{Sample, Summary},
};

#[derive(Debug, Serialize)]
pub struct Row {
    pub attack: &'static str,
    pub what: &'static str,
    #[serde(flatten)]
    pub counts: Counts,
    pub before: Summary,
    pub during: Summary,
    pub after: Summary,
    /// The ratio of p99 during the attack to p99 before it, and its bound; 0 means none.
    pub ratio: Option<f64>,
    pub bound: f64,
    /// This ratio by kind of request.
    pub ratios: BTreeMap<&'static str, f64>,
    pub violations: Vec<String>,
    pub notes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct Report {
    pub rate: u32,
    pub scale: f64,
    pub slack: f64,
    pub rows: Vec<Row>,
}

impl Row {
    pub(crate) fn new(attack: &Attack, counts: Counts, samples: &[Sample], phases: Phases) -> Self {
        let between = |from: Duration, to: Duration| {
            Summary::from_samples(samples.iter().filter(move |sample| sample.due >= from && sample.due < to))
        };
        let (begun, ended) = (phases.before, phases.before + phases.during);
        let (before, during) = (between(Duration::ZERO, begun), between(begun, ended));
        let ratios =
            before.kinds.iter().filter_map(|(kind, p99)| Some((*kind, ratio(*p99, *during.kinds.get(kind)?)?)));
        Self {
            attack: attack.name,
            what: attack.what,
            counts,
            ratio: ratio(before.p99, during.p99),
            bound: 0.0,
            ratios: ratios.collect(),
            before,
            during,
            after: between(ended, Duration::MAX),
            violations: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl Report {
    /// Returns why the run failed; `None` if no attack affected a customer.
    pub fn failure(&self) -> Option<String> {
        self.rows.iter().any(|row| !row.violations.is_empty()).then(|| self.summary())
    }

    pub fn summary(&self) -> String {
        let noticed = self.rows.iter().filter(|row| !row.violations.is_empty()).count();
        let failed: usize = self.rows.iter().map(|row| row.during.failed + row.after.failed).sum();
        let requests: usize = self.rows.iter().map(|row| row.during.requests + row.after.requests).sum();
        let all = self.rows.len();
        match noticed {
            0 => format!("{all} attacks, {requests} requests of customers, none failed"),
            _ => format!("customers noticed {noticed} of {all} attacks: {failed} of {requests} requests failed"),
        }
    }
}

/// `login` and `create` are the ratios of logins and of new orders.
pub const HEAD: &str = "attack               connections     sent  refused      p50 ms, before      p99 ms, before  ratio  login  create  failed  p99 after";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { connections, sent, refused, .. } = self.counts;
        let time = |time: Option<f64>| time.map_or_else(|| "-".to_owned(), |time| format!("{time:.1}"));
        write!(f, "{:<19}  {connections:>11}  {sent:>7}  {refused:>7}", self.attack)?;
        for (during, before) in [(self.during.p50, self.before.p50), (self.during.p99, self.before.p99)] {
            write!(f, "  {:>8}  {:>8}", time(during), time(before))?;
        }
        let shown = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.1}"));
        let [login, create] = ["login", "create"].map(|kind| shown(self.ratios.get(kind).copied()));
        write!(f, "  {:>5}  {login:>5}  {create:>6}", shown(self.ratio))?;
        write!(f, "  {:>6}  {:>9}", self.during.failed + self.after.failed, time(self.after.p99))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            for violation in &row.violations {
                writeln!(f, "{}: {violation}", row.attack)?;
            }
            for note in &row.notes {
                writeln!(f, "{}: {note}", row.attack)?;
            }
        }
        write!(f, "{}", self.summary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::attacks::ALL;

    const PHASES: Phases =
        Phases { before: Duration::from_secs(1), during: Duration::from_secs(1), after: Duration::from_secs(1) };

    fn row(samples: &[(u64, u64, bool)]) -> Row {
        let samples: Vec<Sample> = samples
            .iter()
            .map(|(due, latency, failed)| Sample {
                kind: "read",
                due: Duration::from_millis(*due),
                sent_late: Duration::ZERO,
                latency: Duration::from_millis(*latency),
                failure: failed.then(|| "503".to_owned()),
            })
            .collect();
        let counts = Counts { connections: 1, ..Counts::default() };
        Row::new(&ALL[0], counts, &samples, PHASES)
    }

    #[test]
    fn a_sample_belongs_to_the_phase_in_which_it_was_due() {
        let row = row(&[(999, 10, false), (1000, 30, false), (2000, 20, false)]);

        assert_eq!((row.before.p99, row.during.p99, row.after.p99), (Some(10.0), Some(30.0), Some(20.0)));
        assert_eq!(row.ratio, Some(3.0));
        assert_eq!(row.ratios, [("read", 3.0)].into());
    }

    #[test]
    fn a_failed_request_or_a_ratio_above_the_bound_is_a_violation() {
        let judged = |samples: &[(u64, u64, bool)], bound| {
            let mut row = row(samples);
            row.judge(bound, 0);
            row.violations
        };
        let slow = [(0, 10, false), (1500, 30, false)];

        assert_eq!(judged(&slow, 0.0), [""; 0]);
        assert_eq!(judged(&slow, 3.0), [""; 0]);
        assert!(judged(&slow, 2.0)[0].contains("3 times what it was before"));
        assert!(
            judged(&[(0, 10, false), (2500, 10, true)], 0.0)[0].contains("1 of 1 requests failed after the attack")
        );
        assert!(judged(&[(0, 10, false), (1500, 10, true)], 2.0).len() == 2, "no answer is no good ratio");
    }

    #[test]
    fn an_attack_that_did_nothing_proves_nothing() {
        let mut row = row(&[(0, 10, false)]);
        row.counts = Counts::default();
        row.judge(0.0, 0);
        let report = Report { rate: 50, scale: 1.0, slack: 0.0, rows: vec![row] };

        assert!(report.failure().is_some());
    }
}
