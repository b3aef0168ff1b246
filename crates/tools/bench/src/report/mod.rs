//! The result of a run: a row per ratio, as JSON and as a table.

mod machine;
mod progress;
mod table;

use serde::Serialize;

pub use self::{
    machine::{Machine, kibibytes, value},
    progress::Progress,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Numerator,
    Denominator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    #[serde(rename = "1/s")]
    PerSecond,
    #[serde(rename = "ms")]
    Milliseconds,
    #[serde(rename = "MiB")]
    Mebibytes,
    #[serde(rename = "s")]
    Seconds,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    AtLeast(f64),
    AtMost(f64),
    /// A reported figure without a target.
    None,
}

#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub name: String,
    pub role: Role,
    pub unit: Unit,
    pub median: f64,
    /// (largest − smallest) ÷ median.
    pub spread: Option<f64>,
    /// The median of the rounds' p50, in milliseconds; `p99` likewise.
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub values: Vec<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub id: &'static str,
    pub name: String,
    /// The median of the rounds' ratios.
    pub ratio: f64,
    pub spread: Option<f64>,
    pub rounds: usize,
    pub aim: Aim,
    pub is_met: bool,
    /// True if a denominator still varied after six rounds.
    pub is_unsteady: bool,
    pub figures: Vec<Figure>,
    pub notes: Vec<String>,
}

/// A requested ratio that could not be measured.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    pub id: &'static str,
    pub problem: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub date: String,
    pub machine: Machine,
    /// Names and values: the servers' versions, the build profile, and the options.
    pub settings: Vec<(String, String)>,
    pub rows: Vec<Row>,
    pub failures: Vec<Failure>,
}

impl Aim {
    pub fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
            Self::None => true,
        }
    }
}

impl Row {
    #[must_use]
    pub fn with_notes(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }
}

impl Report {
    /// Returns a sentence if a requested ratio was not measured, or if none was.
    pub fn problem(&self) -> Option<String> {
        let failed = self.failures.iter().map(|failure| format!("{}: {}", failure.id, failure.problem));
        let failed: Vec<String> = failed.collect();
        match (failed.is_empty(), self.rows.is_empty()) {
            (false, _) => Some(format!("not measured: {}", failed.join("; "))),
            (true, true) => Some("nothing was measured".to_owned()),
            (true, false) => None,
        }
    }

    pub fn json(&self) -> anyhow::Result<String> {
        Ok(format!("{}\n", serde_json::to_string_pretty(self)?))
    }

    /// Returns the tables in Markdown. Fails without measurements.
    pub fn markdown(&self) -> anyhow::Result<String> {
        anyhow::ensure!(!self.rows.is_empty(), "nothing was measured");
        Ok(table::markdown(self))
    }
}
