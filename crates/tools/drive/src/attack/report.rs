//! The report: the effect of each attack on the customers.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{
    account::Failure,
    attack::{attacker::Counts, attacks::Attack},
    latencies::{Latencies, milliseconds},
    tally::Tally,
};

/// This program's delay, in milliseconds, from which the figures are unreliable.
const LATE_AFTER_MS: f64 = 20.0;

/// The customers' requests that were due in one phase.
#[derive(Clone, Debug, Default)]
pub struct Phase {
    pub all: Tally,
    pub kinds: BTreeMap<&'static str, Tally>,
    /// This program's delays in sending due requests.
    late: Latencies,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub attack: &'static str,
    pub counts: Counts,
    pub before: Phase,
    pub during: Phase,
    pub after: Phase,
    pub violations: Vec<String>,
    pub notes: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Report {
    pub rows: Vec<Row>,
}

impl Phase {
    pub(crate) fn record(
        &mut self,
        kind: &'static str,
        sent_late: Duration,
        latency: Duration,
        failure: Option<Failure>,
    ) {
        self.late.record(sent_late);
        self.all.record(latency, failure.as_ref().map(|failure| Failure::Owned(format!("{kind}: {failure}"))));
        self.kinds.entry(kind).or_default().record(latency, failure);
    }
}

impl Row {
    pub(crate) fn new(attack: &Attack, counts: Counts, [before, during, after]: [Phase; 3]) -> Self {
        Self { attack: attack.name, counts, before, during, after, violations: Vec::new(), notes: Vec::new() }
    }

    /// Returns p99 during the attack divided by p99 before it.
    pub fn ratio(&self) -> Option<f64> {
        ratio(&self.before.all, &self.during.all)
    }

    /// Returns the ratio of one kind of requests.
    fn ratio_of(&self, kind: &str) -> Option<f64> {
        ratio(self.before.kinds.get(kind)?, self.during.kinds.get(kind)?)
    }

    /// Records violations: failed requests, a ratio above `bound` (0 means none), and an attack that succeeded or had
    /// no effect. Notes that this program sent requests late, and that `left` sockets of the attack are still open.
    pub(crate) fn judge(&mut self, bound: f64, left: u64) {
        let phases = [("before", &self.before), ("during", &self.during), ("after", &self.after)];
        for (name, Phase { all, .. }) in phases {
            if all.failed > 0 {
                let (failed, requests, reasons) = (all.failed, all.operations, all.reasons().join("; "));
                self.violations.push(format!("{failed} of {requests} requests failed {name} the attack: {reasons}"));
            }
        }
        let late = phases.into_iter().filter_map(|(_, phase)| Some(milliseconds(phase.late.permille(990)?)));
        if let Some(late) = late.reduce(f64::max).filter(|late| *late > LATE_AFTER_MS) {
            self.notes.push(format!(
                "this program sent requests up to {late} ms late: the machine is too busy for exact figures"
            ));
        }
        let ratio = self.ratio();
        if bound > 0.0 && ratio.is_none_or(|ratio| ratio > bound) {
            let ratio = shown(ratio);
            self.violations.push(format!("p99 is {ratio} times what it was before, and may be {bound} times"));
        }
        if self.counts.succeeded > 0 {
            self.violations.push(format!("the attack succeeded {} times", self.counts.succeeded));
        }
        if self.counts.connections + self.counts.refused == 0 {
            self.violations.push("the attack had no effect: it opened no connection and none was refused".to_owned());
        }
        if left > 0 {
            self.notes.push(format!("{left} sockets of the attack are still open"));
        }
    }

    fn failed(&self) -> u64 {
        self.during.all.failed + self.after.all.failed
    }
}

fn ratio(before: &Tally, during: &Tally) -> Option<f64> {
    let p99 = |tally: &Tally| tally.latencies.permille(990).map(|time| time.as_secs_f64());
    let before = p99(before).filter(|before| *before > 0.0)?;
    Some((p99(during)? / before * 100.0).round() / 100.0)
}

fn shown(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.1}"))
}

impl Report {
    /// Returns why the run failed; `None` if no attack affected a customer.
    pub fn failure(&self) -> Option<String> {
        self.rows.iter().any(|row| !row.violations.is_empty()).then(|| self.summary())
    }

    fn summary(&self) -> String {
        let noticed = self.rows.iter().filter(|row| !row.violations.is_empty()).count();
        let failed: u64 = self.rows.iter().map(Row::failed).sum();
        let requests: u64 = self.rows.iter().map(|row| row.during.all.operations + row.after.all.operations).sum();
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
        let time = |phase: &Phase, permille| shown(phase.all.latencies.permille(permille).map(milliseconds));
        write!(f, "{:<19}  {connections:>11}  {sent:>7}  {refused:>7}", self.attack)?;
        for permille in [500, 990] {
            write!(f, "  {:>8}  {:>8}", time(&self.during, permille), time(&self.before, permille))?;
        }
        let [login, create] = ["login", "create"].map(|kind| shown(self.ratio_of(kind)));
        write!(f, "  {:>5}  {login:>5}  {create:>6}", shown(self.ratio()))?;
        write!(f, "  {:>6}  {:>9}", self.failed(), time(&self.after, 990))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            for said in row.violations.iter().chain(&row.notes) {
                writeln!(f, "{}: {said}", row.attack)?;
            }
        }
        write!(f, "{}", self.summary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attack::attacks::ALL;

    /// Returns the row of an attack with one request before it and one during it, which take this many milliseconds.
    fn row(before: u64, during: u64, failure: Option<&'static str>) -> Row {
        let mut phases = <[Phase; 3]>::default();
        for (phase, latency, failure) in [(0, before, None), (1, during, failure)] {
            let failure = failure.map(Failure::Borrowed);
            phases[phase].record("read", Duration::ZERO, Duration::from_millis(latency), failure);
        }
        Row::new(&ALL[0], Counts { connections: 1, ..Counts::default() }, phases)
    }

    fn judged(mut row: Row, bound: f64) -> Vec<String> {
        row.judge(bound, 0);
        row.violations
    }

    #[test]
    fn a_failed_request_or_a_ratio_above_the_bound_is_a_violation() {
        assert_eq!((row(10, 30, None).ratio(), row(10, 30, None).ratio_of("read")), (Some(3.0), Some(3.0)));
        assert_eq!(judged(row(10, 30, None), 0.0), [""; 0]);
        assert_eq!(judged(row(10, 30, None), 3.0), [""; 0]);
        assert!(judged(row(10, 30, None), 2.0)[0].contains("3.0 times what it was before"));
        let failed = judged(row(10, 10, Some("503")), 2.0);
        assert!(failed[0].contains("1 of 1 requests failed during the attack: 1 × read: 503"), "{failed:?}");
        assert_eq!(failed.len(), 2, "no answer is no good ratio");
    }

    #[test]
    fn an_attack_that_did_nothing_proves_nothing() {
        let mut row = Row { counts: Counts::default(), ..row(10, 10, None) };
        row.judge(0.0, 0);

        assert!(Report { rows: vec![row] }.failure().is_some());
    }
}
