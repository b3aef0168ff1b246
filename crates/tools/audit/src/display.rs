//! The text format of a report.

use std::fmt;

use crate::{
    receipt::{Check, Receipt, State},
    report::{Count, Finding, Report, Verdict},
};

/// The number of violations of an invariant that are shown. JSON lists all.
const MAX_SHOWN: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.findings.iter().map(|finding| finding.invariant.len()).max().unwrap_or_default();
        for finding in &self.findings {
            let Finding { number, invariant, verdict, .. } = finding;
            writeln!(f, "{number:>2}  {verdict:<16}  {invariant:<width$}  {}", Counted(&finding.counted))?;
        }
        for finding in &self.findings {
            let Finding { number, violations, .. } = finding;
            for missing in &finding.missing {
                writeln!(f, "\n{number} cannot be checked: {missing}")?;
            }
            if !violations.is_empty() {
                writeln!(f, "\n{number} is broken by {}:", rows(violations.len()))?;
            }
            for violation in violations.iter().take(MAX_SHOWN) {
                writeln!(f, "   {}: {}", violation.row, violation.problem)?;
            }
            if violations.len() > MAX_SHOWN {
                writeln!(f, "   and {} more; --json lists them all", violations.len() - MAX_SHOWN)?;
            }
        }
        let notes =
            self.findings.iter().flat_map(|finding| finding.notes.iter().map(move |note| (finding.number, note)));
        for (place, (number, note)) in notes.enumerate() {
            writeln!(f, "{}{number}: {note}", if place == 0 { "\n" } else { "" })?;
        }
        writeln!(f, "\n{}", self.summary())
    }
}

impl Report {
    pub fn summary(&self) -> String {
        let (broken, unchecked) = (self.broken().count(), self.unchecked().count());
        let all = self.findings.len();
        match (broken, unchecked) {
            (0, 0) => format!("all {all} invariants hold"),
            (0, _) => {
                format!("{} of {all} invariants hold; for {unchecked} there is nothing to check", all - unchecked)
            }
            _ => format!("{broken} of {all} invariants are broken, by {}", rows(self.violations())),
        }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Check { number, invariant, text, state, evidence } in &self.checks {
            writeln!(f, "{number:>2}  {state:<6}  {invariant}\n            {text}")?;
            for line in evidence {
                writeln!(f, "            - {line}")?;
            }
        }
        write!(f, "\n{}", self.summary())
    }
}

impl Receipt {
    pub fn summary(&self) -> String {
        let count = |state| self.checks.iter().filter(|check| check.state == state).count();
        let (all, broken, open) = (self.checks.len(), count(State::Violated), count(State::Open));
        match (broken, open) {
            (0, 0) => format!("all {all} invariants of this order hold"),
            (0, _) => format!("{} of {all} invariants of this order hold; {open} are open", all - open),
            _ => format!("{broken} of {all} invariants of this order are broken"),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Held => "holds",
            Self::Open => "OPEN",
            Self::Violated => "BROKEN",
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::Broken => "BROKEN",
            Self::NothingToCheck => "NOTHING TO CHECK",
        })
    }
}

struct Counted<'a>(&'a [Count]);

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Count { of, count }) in self.0.iter().enumerate() {
            write!(f, "{}{count} {of}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

fn rows(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}
