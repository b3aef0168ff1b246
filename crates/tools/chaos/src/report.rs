//! The report of a run.

use std::fmt;

use super::{
    Options,
    experiment::{Fault, Injection},
    recovery::{Bounds, RESTARTED, Recovery},
};

#[derive(Debug)]
pub struct Row {
    pub number: u8,
    pub fault: &'static str,
    /// The number of injections; 0 if the fault could not be injected.
    pub times: usize,
    /// The reason why the fault could not be injected, or the targets that it did not affect, twice.
    pub not_injected: Option<String>,
    /// The error of an injection that failed half-way, twice. The run proves nothing about the fault.
    pub injection_failed: Option<String>,
    pub requests: u64,
    /// The number of requests without a response, or with 429 or 5xx except PAYMENT_OUTCOME_UNKNOWN.
    pub failed: u64,
    /// One sentence each.
    pub violations: Vec<String>,
    pub recovery: Option<Recovery>,
    /// The largest resident memory of a service's process, in bytes.
    pub peak_memory: u64,
    pub notes: Vec<String>,
    /// The duration in seconds, including the recovery and the audit.
    pub took: f64,
}

impl Row {
    /// Creates a row without results.
    pub fn new(fault: &Fault) -> Self {
        Self {
            number: fault.number,
            fault: fault.name,
            times: 0,
            not_injected: None,
            injection_failed: None,
            requests: 0,
            failed: 0,
            violations: Vec::new(),
            recovery: None,
            peak_memory: 0,
            notes: Vec::new(),
            took: 0.0,
        }
    }

    /// Records an injection. If it found nothing to act on, the fault counts as not injected, which is no violation.
    pub fn injected(&mut self, done: Injection) {
        if !done.idle.is_empty() {
            let idle = done.idle.join("; ");
            if done.times == 0 {
                self.not_injected = Some(idle);
            } else {
                self.notes.push(format!("not injected everywhere: {idle}"));
            }
        }
        self.times = done.times;
        self.violations.extend(done.problems);
        self.notes.extend(done.notes);
    }
}

#[derive(Debug)]
pub struct Report {
    /// Reproduces the run with the same options.
    pub seed: u64,
    /// True if each fault was injected less often and for a shorter time than described.
    pub brief: bool,
    pub bounds: Bounds,
    pub rows: Vec<Row>,
}

impl Report {
    pub fn new(options: &Options, real_broker: bool) -> Self {
        let Options { seed, brief, slack, .. } = *options;
        Self { seed, brief, bounds: Bounds::new(slack, real_broker), rows: Vec::new() }
    }

    /// Returns why the run failed; `None` if it passed. Faults that could not be injected make it fail if `all` is set,
    /// or if no fault was injected. A failed injection is no violation, but makes the run fail, too.
    pub fn failure(&self, all: bool) -> Option<String> {
        let left_out = self.rows.iter().filter(|row| row.not_injected.is_some()).count();
        let proves_nothing = left_out == self.rows.len() || (all && left_out > 0) || self.failed_injections() > 0;
        (self.violations() > 0 || proves_nothing).then(|| self.summary())
    }

    fn failed_injections(&self) -> usize {
        self.rows.iter().filter(|row| row.injection_failed.is_some()).count()
    }

    pub fn violations(&self) -> usize {
        self.rows.iter().map(|row| row.violations.len()).sum()
    }

    pub fn summary(&self) -> String {
        let requests: u64 = self.rows.iter().map(|row| row.requests).sum();
        let left_out = self.rows.iter().filter(|row| row.not_injected.is_some()).count();
        let some = |count: usize, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
        let left_out = some(left_out, "not injected");
        let failed = some(self.failed_injections(), "whose injection failed");
        let (rows, brief) = (self.rows.len(), if self.brief { ", briefly" } else { "" });
        let Self { seed, .. } = self;
        format!(
            "{rows} faults{brief}{left_out}{failed}, {requests} requests, {} violations (seed {seed})",
            self.violations()
        )
    }
}

pub const HEAD: &str =
    "    fault               times  requests  failed  violations      well   events  payments   memory     took";

/// The row, followed by its violations.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>2}  {:<18}  ", self.number, self.fault)?;
        if let Some(reason) = &self.not_injected {
            return write!(f, "    -  not injected: {reason}");
        }
        let Self { times, requests, failed, violations, .. } = self;
        write!(f, "{times:>5}  {requests:>8}  {failed:>6}  {:>10}", violations.len())?;
        let times = self.recovery.map_or([None; 3], |recovery| [recovery.requests, recovery.events, recovery.payments]);
        for (time, width) in times.into_iter().zip([9, 8, 9]) {
            let time = time.map_or_else(|| "-".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()));
            write!(f, " {time:>width$}")?;
        }
        write!(f, "  {:>4} MB  {:>5.0} s", self.peak_memory / 1_000_000, self.took)?;
        self.violations.iter().try_for_each(|violation| write!(f, "\n      {violation}"))
    }
}

/// Explains the rows, and prints the notes on them.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Recovery is counted from the end of the cause: until the last request that failed or was late (well: at most {} s, and {} s after\n\
             processes were restarted), until all earlier events have arrived (at most {} s), until all earlier payments are known (at most {} s).",
            self.bounds.requests.as_secs(),
            (RESTARTED * self.bounds.slack).as_secs_f64(),
            self.bounds.events.as_secs(),
            self.bounds.payments.as_secs(),
        )?;
        for row in self.rows.iter().filter(|row| !row.notes.is_empty()) {
            writeln!(f, "{}: {}", row.fault, row.notes.join("; "))?;
        }
        for row in &self.rows {
            if let Some(error) = &row.injection_failed {
                writeln!(f, "\n{} could not be injected, which is no violation: {error}", row.fault)?;
            }
        }
        write!(f, "\n{}", self.summary())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults;

    fn report(rows: Vec<Row>) -> Report {
        Report { seed: 1, brief: false, bounds: Bounds::new(1, true), rows }
    }

    fn row() -> Row {
        Row::new(&faults::all()[0])
    }

    #[test]
    fn a_run_passes_with_an_injected_fault_and_without_violations_and_failed_injections() {
        let broken = Row { violations: vec!["invariant 2: charged twice".to_owned()], ..row() };
        let failed = Row { injection_failed: Some("UnknownMemberId".to_owned()), ..row() };
        let left_out = || Row { not_injected: Some("no broker".to_owned()), ..row() };
        let fails = |rows: Vec<Row>, all: bool| report(rows).failure(all).is_some();

        assert!(!fails(vec![row(), row()], true) && !fails(vec![row(), left_out()], false));
        assert!(fails(vec![row(), broken], false) && fails(vec![row(), failed], false));
        assert!(fails(vec![left_out()], false) && fails(vec![row(), left_out()], true));
    }

    #[test]
    fn a_fault_that_met_nothing_is_not_injected_and_no_violation() {
        let idle = |times| {
            let mut row = row();
            row.injected(Injection {
                times,
                idle: vec!["no request used order → iam".to_owned()],
                ..Injection::default()
            });
            row
        };
        let (nowhere, partly) = (idle(0), idle(1));

        assert_eq!(nowhere.not_injected.as_deref(), Some("no request used order → iam"));
        assert!(partly.not_injected.is_none() && partly.notes[0].contains("order → iam"), "{:?}", partly.notes);
        let report = report(vec![nowhere, partly]);
        assert_eq!((report.violations(), report.failure(false)), (0, None));
        assert!(report.failure(true).is_some_and(|failure| failure.contains("1 not injected")));
    }
}
