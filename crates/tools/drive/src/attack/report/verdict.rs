//! The verdict on an attack: whether customers noticed it.

use super::Row;
use crate::attack::measurement::Summary;

/// This program's delay, in milliseconds, from which the figures are unreliable.
const LATE_AFTER_MS: f64 = 20.0;

impl Row {
    /// Records violations: failed requests, a ratio above `bound`, and an attack that succeeded or had no effect. Notes
    /// that this program sent requests late, and that `left` sockets of the attack are still open.
    pub(crate) fn judge(&mut self, bound: f64, left: u64) {
        self.bound = bound;
        for (phase, summary) in [("before", &self.before), ("during", &self.during), ("after", &self.after)] {
            if summary.failed > 0 {
                let Summary { failed, requests, failures, .. } = summary;
                let reasons: Vec<String> =
                    failures.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
                let reasons = reasons.join("; ");
                self.violations.push(format!("{failed} of {requests} requests failed {phase} the attack: {reasons}"));
            }
        }
        if bound > 0.0 && self.ratio.is_none_or(|ratio| ratio > bound) {
            let ratio = self.ratio.map_or_else(|| "unknown".to_owned(), |ratio| ratio.to_string());
            self.violations.push(format!("p99 is {ratio} times what it was before, and may be {bound} times"));
        }
        if self.counts.succeeded > 0 {
            self.violations.push(format!("the attack succeeded {} times", self.counts.succeeded));
        }
        if self.counts.connections + self.counts.refused == 0 {
            self.violations.push("the attack had no effect: it opened no connection and none was refused".to_owned());
        }
        for summary in [&self.before, &self.during, &self.after] {
            if let Some(late) = summary.sent_late.filter(|late| *late > LATE_AFTER_MS) {
                self.notes.push(format!(
                    "this program sent requests up to {late} ms late: the machine is too busy for exact figures"
                ));
                break;
            }
        }
        if left > 0 {
            self.notes.push(format!("{left} sockets of the attack are still open"));
        }
    }
}

/// Returns the ratio of two percentiles, with two decimals.
pub fn ratio(before: Option<f64>, during: Option<f64>) -> Option<f64> {
    let (before, during) = before.zip(during).filter(|(before, _)| *before > 0.0)?;
    Some((during / before * 100.0).round() / 100.0)
}
