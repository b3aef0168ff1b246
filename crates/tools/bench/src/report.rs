//! The result of a run: a row per ratio, printed as tables in Markdown.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Numerator,
    Denominator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    PerSecond,
    Milliseconds,
    Mebibytes,
    Seconds,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aim {
    AtLeast(f64),
    AtMost(f64),
    /// A reported figure without a target.
    None,
}

#[derive(Clone, Debug)]
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

#[derive(Clone, Debug)]
pub struct Row {
    pub id: &'static str,
    pub name: String,
    /// The median of the rounds' ratios.
    pub ratio: f64,
    pub spread: Option<f64>,
    /// The ratio of each round.
    pub values: Vec<f64>,
    pub aim: Aim,
    pub is_met: bool,
    /// True if a denominator still varied after six rounds.
    pub is_unsteady: bool,
    pub figures: Vec<Figure>,
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Report {
    pub rows: Vec<Row>,
    /// The requested ratios that could not be measured, with the reasons.
    pub failures: Vec<(&'static str, String)>,
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

    fn verdict(&self) -> &'static str {
        match (self.is_unsteady, self.is_met, self.aim) {
            (true, ..) => "*unsteady*",
            (false, _, Aim::None) => "",
            (false, true, _) => "met",
            (false, false, _) => "missed",
        }
    }
}

impl Report {
    /// Returns a sentence if a requested ratio was not measured.
    pub fn problem(&self) -> Option<String> {
        let failed: Vec<String> = self.failures.iter().map(|(id, problem)| format!("{id}: {problem}")).collect();
        (!failed.is_empty()).then(|| format!("not measured: {}", failed.join("; ")))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| # | ratio | median | spread | rounds | aim | |\n|---|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let Row { id, name, ratio, aim, .. } = row;
            let (spread, rounds, verdict) = (percent(row.spread), row.values.len(), row.verdict());
            writeln!(f, "| {id} | {name} | {ratio:.2} | {spread} | {rounds} | {aim} | {verdict} |")?;
        }
        writeln!(f, "\n| # | figure | median | spread | p50 | p99 |\n|---|---|---|---|---|---|")?;
        for (id, figure) in self.rows.iter().flat_map(|row| row.figures.iter().map(move |figure| (row.id, figure))) {
            let mark = if figure.role == Role::Numerator { "" } else { "÷ " };
            let (p50, p99) = (milliseconds(figure.p50), milliseconds(figure.p99));
            let (name, median, unit) = (&figure.name, number(figure.median), figure.unit);
            writeln!(f, "| {id} | {mark}{name} | {median} {unit} | {} | {p50} | {p99} |", percent(figure.spread))?;
        }
        for row in self.rows.iter().filter(|row| !row.notes.is_empty()) {
            writeln!(f, "\n{} {}:\n\n- {}", row.id, row.name, row.notes.join("\n- "))?;
        }
        Ok(())
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0))
}

fn milliseconds(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.1} ms"))
}

/// Formats a number with at least three digits: 0.123, 1.23, 12.3, 1234.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        large if large >= 10.0 => 1,
        large if large >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PerSecond => "/s",
            Self::Milliseconds => "ms",
            Self::Mebibytes => "MiB",
            Self::Seconds => "s",
        })
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, role: Role, median: f64, times: Option<[f64; 2]>) -> Figure {
        let [p50, p99] = times.map_or([None; 2], |times| times.map(Some));
        Figure {
            name: name.to_owned(),
            role,
            unit: Unit::PerSecond,
            median,
            spread: Some(0.042),
            p50,
            p99,
            values: vec![median],
        }
    }

    fn row(is_met: bool, is_unsteady: bool) -> Row {
        Row {
            id: "P2",
            name: "Whoami ÷ L".to_owned(),
            ratio: 0.913,
            spread: Some(0.05),
            values: vec![0.913, 0.9, 0.945],
            aim: Aim::AtLeast(0.9),
            is_met,
            is_unsteady,
            figures: vec![
                figure("Whoami", Role::Numerator, 11_800.4, Some([3.04, 12.0])),
                figure("Redis GET", Role::Denominator, 45.678, None),
            ],
            notes: vec!["64 at once".to_owned()],
        }
    }

    #[test]
    fn the_tables_have_ratios_figures_and_notes() {
        let report = Report { rows: vec![row(true, false)], failures: Vec::new() };

        assert_eq!(
            report.to_string(),
            "| # | ratio | median | spread | rounds | aim | |\n|---|---|---|---|---|---|---|\n\
             | P2 | Whoami ÷ L | 0.91 | 5 % | 3 | ≥ 0.9 | met |\n\
             \n| # | figure | median | spread | p50 | p99 |\n|---|---|---|---|---|---|\n\
             | P2 | Whoami | 11800 /s | 4 % | 3.0 ms | 12.0 ms |\n\
             | P2 | ÷ Redis GET | 45.7 /s | 4 % |  |  |\n\
             \nP2 Whoami ÷ L:\n\n- 64 at once\n"
        );
    }

    #[test]
    fn an_unsteady_ratio_is_neither_met_nor_missed() {
        assert_eq!((row(true, true).verdict(), row(false, false).verdict()), ("*unsteady*", "missed"));
    }
}
