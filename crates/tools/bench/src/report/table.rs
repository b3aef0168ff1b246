//! The report as Markdown: a table of the ratios, a table of the figures behind them, notes, the ratios that were not
//! measured, and the machine with the run's settings.

use std::fmt;

use super::{Aim, Figure, Report, Role, Row, Unit};

pub fn markdown(report: &Report) -> String {
    let mut text = String::from("| # | ratio | median | spread | rounds | aim | |\n|---|---|---|---|---|---|---|\n");
    for row in &report.rows {
        text.push_str(&line(row));
    }
    text.push_str("\n| # | figure | median | spread | p50 | p99 |\n|---|---|---|---|---|---|\n");
    for row in &report.rows {
        for figure in &row.figures {
            text.push_str(&figure_line(row.id, figure));
        }
    }
    for row in report.rows.iter().filter(|row| !row.notes.is_empty()) {
        text.extend([format!("\n{} {}:\n\n", row.id, row.name)]);
        text.extend(row.notes.iter().map(|note| format!("- {note}\n")));
    }
    text.extend(
        report.failures.iter().map(|failure| format!("\n{} was not measured: {}\n", failure.id, failure.problem)),
    );
    let machine = &report.machine;
    text.extend([format!(
        "\nMeasured on {}: {}, {} cores shared by everything, {} MiB, {}.\n\n",
        report.date, machine.cpu, machine.cores, machine.memory_mib, machine.system
    )]);
    text.extend(report.settings.iter().map(|(name, value)| format!("- {name}: {value}\n")));
    text
}

fn line(row: &Row) -> String {
    let verdict = match (row.is_unsteady, row.is_met, row.aim) {
        (true, ..) => "*unsteady*",
        (false, _, Aim::None) => "",
        (false, true, _) => "met",
        (false, false, _) => "missed",
    };
    let (ratio, spread) = (row.ratio, percent(row.spread));
    format!("| {} | {} | {ratio:.2} | {spread} | {} | {} | {verdict} |\n", row.id, row.name, row.rounds, row.aim)
}

fn figure_line(id: &str, figure: &Figure) -> String {
    let mark = if figure.role == Role::Numerator { "" } else { "÷ " };
    let (p50, p99) = (milliseconds(figure.p50), milliseconds(figure.p99));
    let (median, spread) = (number(figure.median), percent(figure.spread));
    format!("| {id} | {mark}{} | {median} {} | {spread} | {p50} | {p99} |\n", figure.name, figure.unit)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0))
}

fn milliseconds(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.1} ms"))
}

/// Formats a number with at least three digits: 0.123, 1.23, 12.3, 1234.
fn number(value: f64) -> String {
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
    use crate::report::{Failure, Machine};

    fn figure(name: &str, role: Role, values: &[f64]) -> Figure {
        Figure {
            name: name.to_owned(),
            role,
            unit: Unit::PerSecond,
            median: values[0],
            spread: Some(0.042),
            p50: (role == Role::Numerator).then_some(3.04),
            p99: (role == Role::Numerator).then_some(12.0),
            values: values.to_vec(),
        }
    }

    fn row(is_met: bool, is_unsteady: bool) -> Row {
        Row {
            id: "P2",
            name: "Whoami ÷ L".to_owned(),
            ratio: 0.913,
            spread: Some(0.05),
            rounds: 3,
            aim: Aim::AtLeast(0.9),
            is_met,
            is_unsteady,
            figures: vec![
                figure("Whoami", Role::Numerator, &[11_800.4]),
                figure("Redis GET", Role::Denominator, &[45.678]),
            ],
            notes: vec!["64 at once".to_owned()],
        }
    }

    fn report(rows: Vec<Row>) -> Report {
        let machine =
            Machine { cpu: "Some CPU".to_owned(), cores: 2, memory_mib: 24_000, system: "Linux 6.1".to_owned() };
        Report {
            date: "2026-01-02".to_owned(),
            machine,
            settings: vec![("PostgreSQL".to_owned(), "17.1, fsync on".to_owned())],
            rows,
            failures: Vec::new(),
        }
    }

    #[test]
    fn the_table_has_ratios_figures_notes_and_what_it_was_measured_on() {
        let text = report(vec![row(true, false)]).markdown().unwrap();

        assert_eq!(
            text,
            "| # | ratio | median | spread | rounds | aim | |\n|---|---|---|---|---|---|---|\n\
             | P2 | Whoami ÷ L | 0.91 | 5 % | 3 | ≥ 0.9 | met |\n\
             \n| # | figure | median | spread | p50 | p99 |\n|---|---|---|---|---|---|\n\
             | P2 | Whoami | 11800 /s | 4 % | 3.0 ms | 12.0 ms |\n\
             | P2 | ÷ Redis GET | 45.7 /s | 4 % |  |  |\n\
             \nP2 Whoami ÷ L:\n\n- 64 at once\n\
             \nMeasured on 2026-01-02: Some CPU, 2 cores shared by everything, 24000 MiB, Linux 6.1.\n\
             \n- PostgreSQL: 17.1, fsync on\n"
        );
    }

    #[test]
    fn an_unsteady_ratio_is_neither_met_nor_missed() {
        let verdict = |row| {
            let text = report(vec![row]).markdown().unwrap();
            text.lines().nth(2).unwrap().rsplit('|').nth(1).unwrap().trim().to_owned()
        };

        assert_eq!(verdict(row(true, true)), "*unsteady*");
        assert_eq!(verdict(row(false, false)), "missed");
    }

    #[test]
    fn nothing_measured_is_an_error_and_no_empty_table() {
        let mut empty = report(Vec::new());

        assert!(empty.markdown().is_err());
        assert_eq!(empty.problem().as_deref(), Some("nothing was measured"));
        empty.failures.push(Failure { id: "P1", problem: "no Kafka".to_owned() });
        assert_eq!(empty.problem().as_deref(), Some("not measured: P1: no Kafka"));
    }

    #[test]
    fn a_failure_stands_in_the_table_beside_what_was_measured() {
        let mut report = report(vec![row(true, false)]);
        report.failures.push(Failure { id: "P9", problem: "the broker did not stop".to_owned() });

        assert!(report.markdown().unwrap().contains("\nP9 was not measured: the broker did not stop\n"));
        assert!(report.problem().is_some());
    }

    #[test]
    fn the_json_has_each_value_with_its_unit_and_aim() {
        let json: serde_json::Value = serde_json::from_str(&report(vec![row(true, true)]).json().unwrap()).unwrap();

        let row = &json["rows"][0];
        assert_eq!(row["aim"], serde_json::json!({"at_least": 0.9}));
        assert_eq!((&row["is_unsteady"], &row["ratio"]), (&true.into(), &0.913.into()));
        assert_eq!(row["figures"][0]["unit"], "1/s");
        assert_eq!(row["figures"][1]["role"], "denominator");
        assert_eq!(row["figures"][1]["values"], serde_json::json!([45.678]));
        assert_eq!(json["machine"]["cores"], 2);
    }

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!(["0.123", "1.23", "12.3", "1234"], [0.1234, 1.234, 12.34, 1234.4].map(number));
    }
}
