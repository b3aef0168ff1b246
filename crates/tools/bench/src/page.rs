//! The figures of docs/proven.md, which `lab bench --update-page` writes.

use anyhow::Context as _;

use crate::report::{Figure, Report, Role, Row, number};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/proven.md");

/// Writes what was measured into the rows of the page's table, and prints which rows the page lacks.
pub fn update(report: &Report) -> anyhow::Result<()> {
    let page = std::fs::read_to_string(PAGE).context(PAGE)?;
    for row in report.rows.iter().filter(|row| !page.lines().any(|line| is_of(line, row))) {
        eprintln!("docs/proven.md has no row | {} | {}", row.id, row.name);
    }
    std::fs::write(PAGE, updated(&page, report)).context(PAGE)
}

/// Replaces the fourth column of the rows that were measured.
fn updated(page: &str, report: &Report) -> String {
    let line = |line: &str| {
        let Some(row) = report.rows.iter().find(|row| is_of(line, row)) else { return format!("{line}\n") };
        let measured = format!(" {} ", measured(row));
        let mut cells: Vec<&str> = line.split('|').collect();
        cells[4] = &measured;
        cells.join("|") + "\n"
    };
    page.lines().map(line).collect()
}

/// Returns true for the row's line: it has the row's number, and its title begins with the row's name.
fn is_of(line: &str, row: &Row) -> bool {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    matches!(cells.as_slice(), ["", id, title, _, _, _, ""] if *id == row.id && title.starts_with(&row.name))
}

/// Formats the rounds' ratios and, in parentheses, their numerators; without a denominator, only these.
fn measured(row: &Row) -> String {
    let ratios = range(&row.values, |ratio| format!("{ratio:.2}"));
    let figure = |role: Role| row.figures.iter().find(|figure| figure.role == role);
    let measured = match (figure(Role::Numerator), figure(Role::Denominator)) {
        (Some(numerator), Some(_)) => format!("{ratios} ({})", with_unit(numerator)),
        (Some(numerator), None) => with_unit(numerator),
        (None, _) => ratios,
    };
    if row.is_unsteady { format!("{measured}, *unsteady*") } else { measured }
}

fn with_unit(figure: &Figure) -> String {
    format!("{} {}", range(&figure.values, number), figure.unit).replace(" /s", "/s")
}

fn range(values: &[f64], show: impl Fn(f64) -> String) -> String {
    let least = show(values.iter().copied().fold(f64::INFINITY, f64::min));
    let most = show(values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    if least == most { least } else { format!("{least} to {most}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Aim, Unit};

    fn figure(role: Role, unit: Unit, values: &[f64]) -> Figure {
        let (name, values) = (String::new(), values.to_vec());
        Figure { name, role, unit, median: 0.0, spread: None, p50: None, p99: None, values }
    }

    fn row(id: &'static str, name: &str, values: &[f64], figures: Vec<Figure>) -> Row {
        let (name, values, is_unsteady, notes) = (name.to_owned(), values.to_vec(), id == "P1", Vec::new());
        Row { id, name, ratio: 0.0, spread: None, values, aim: Aim::None, is_met: true, is_unsteady, figures, notes }
    }

    #[test]
    fn what_was_measured_is_written_into_its_row_alone() {
        let rates = [(Role::Numerator, 2_419.4), (Role::Numerator, 4_841.0), (Role::Denominator, 1.0)];
        let rates = rates.map(|(role, rate)| figure(role, Unit::PerSecond, &[rate, 3_000.0]));
        let start = vec![figure(Role::Numerator, Unit::Seconds, &[0.31, 0.31])];
        let rows = vec![row("P1", "POST ÷ L", &[0.7, 0.631, 0.85], rates.into()), row("P11", "start", &[0.31], start)];
        let page = |[post, start]: [&str; 2]| {
            format!(
                "| # | ratio | aim | measured | limited by |\n|---|---|---|---|---|\n\
                 | P1 | POST ÷ L: Whoami | ≥ 0.85 | {post} | checks |\n| P1 | another | | as before | |\n\
                 | P11 | start | ≤ 0.2 s | {start} | |\n\nText.\n"
            )
        };

        let written = updated(&page(["0.1", ""]), &Report { rows, failures: Vec::new() });

        assert_eq!(written, page(["0.63 to 0.85 (2419 to 3000/s), *unsteady*", "0.310 s"]));
    }
}
