//! What came of each fault, as a person and as a program read it.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{
    fault::Fault,
    recovery::{BOUNDS, Recovery},
};

/// A line of the table.
#[derive(Debug, Serialize)]
pub struct Row {
    pub number: u8,
    pub fault: &'static str,
    pub what: &'static str,
    /// How often it was done; 0 where it could not be.
    pub times: usize,
    /// Why it could not be done.
    pub not_injected: Option<String>,
    pub requests: u64,
    /// Those without an answer, or with one that says that the shop is not well: 429 or 5xx, but for PAYMENT_OUTCOME_UNKNOWN.
    pub failed: u64,
    /// What must not be, each a sentence.
    pub violations: Vec<String>,
    /// Seconds from the end of the cause.
    pub recovery: Option<Seconds>,
    /// The most resident memory that one service's process had, in bytes.
    pub peak_memory: u64,
    pub notes: Vec<String>,
    /// Seconds for all of it, the quiet and the audit included.
    pub took: f64,
}

impl Row {
    /// Nothing done yet.
    pub fn of(fault: &Fault) -> Self {
        Self {
            number: fault.number,
            fault: fault.name,
            what: fault.what,
            times: 0,
            not_injected: None,
            requests: 0,
            failed: 0,
            violations: Vec::new(),
            recovery: None,
            peak_memory: 0,
            notes: Vec::new(),
            took: 0.0,
        }
    }
}

/// A [`Recovery`] in seconds.
#[derive(Debug, Serialize)]
pub struct Seconds {
    pub requests: Option<f64>,
    pub events: Option<f64>,
    pub payments: Option<f64>,
}

impl From<Recovery> for Seconds {
    fn from(recovery: Recovery) -> Self {
        let seconds = |time: Option<Duration>| time.map(|time| (time.as_secs_f64() * 10.0).round() / 10.0);
        Self {
            requests: seconds(recovery.requests),
            events: seconds(recovery.events),
            payments: seconds(recovery.payments),
        }
    }
}

/// The whole table.
#[derive(Debug, Serialize)]
pub struct Table {
    /// Reproduces the schedule.
    pub seed: u64,
    pub rows: Vec<Row>,
}

impl Table {
    pub fn violations(&self) -> usize {
        self.rows.iter().map(|row| row.violations.len()).sum()
    }

    /// One sentence that says it all.
    pub fn summary(&self) -> String {
        let requests: u64 = self.rows.iter().map(|row| row.requests).sum();
        let left_out = self.rows.iter().filter(|row| row.not_injected.is_some()).count();
        let left_out =
            if left_out > 0 { format!(", {left_out} that could not be injected here") } else { String::new() };
        let rows = self.rows.len();
        format!("{rows} faults{left_out}, {requests} requests, {} violations (seed {})", self.violations(), self.seed)
    }
}

/// The heads of the columns.
pub const HEAD: &str =
    "    fault               times  requests  failed  violations      well   events  payments   memory     took";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>2}  {:<18}  ", self.number, self.fault)?;
        if let Some(reason) = &self.not_injected {
            return write!(f, "    -  not injected: {reason}");
        }
        let Self { times, requests, failed, violations, .. } = self;
        write!(f, "{times:>5}  {requests:>8}  {failed:>6}  {:>10}", violations.len())?;
        let recovery = self.recovery.as_ref();
        for (time, width) in [
            (recovery.and_then(|recovery| recovery.requests), 9),
            (recovery.and_then(|recovery| recovery.events), 8),
            (recovery.and_then(|recovery| recovery.payments), 9),
        ] {
            let time = time.map_or_else(|| "-".to_owned(), |time| format!("{time:.1} s"));
            write!(f, " {time:>width$}")?;
        }
        write!(f, "  {:>4} MB  {:>5.0} s", self.peak_memory / 1_000_000, self.took)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |time: Option<Duration>| time.unwrap_or_default().as_secs();
        writeln!(f, "{HEAD}")?;
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        writeln!(
            f,
            "\nRecovery is counted from the end of the cause: until the last request that failed or was late (well: at most {} s), until all earlier events have\n\
             arrived (at most {} s), until all earlier payments are known (at most {} s).",
            bound(BOUNDS.requests),
            bound(BOUNDS.events),
            bound(BOUNDS.payments),
        )?;
        for row in self.rows.iter().filter(|row| !row.notes.is_empty()) {
            writeln!(f, "{}: {}", row.fault, row.notes.join("; "))?;
        }
        for row in self.rows.iter().filter(|row| !row.violations.is_empty()) {
            writeln!(f, "\n{} ({}):", row.fault, row.what)?;
            for violation in &row.violations {
                writeln!(f, "   {violation}")?;
            }
        }
        writeln!(f, "\n{}", self.summary())
    }
}
