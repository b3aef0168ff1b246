//! The file of streets with configured cells: TOML with lines such as `"Main Street" = [2, 1]`.

use std::collections::{BTreeMap, HashMap};

use toml::Spanned;

use super::{Cell, Street};

const MALFORMED: &str = "is not like \"Main Street\" = [2, 1]";

/// The configured cell of each street.
pub type Streets = HashMap<Street, Cell>;

/// Why the file is invalid. Names the line, not the street, since an address is personal data.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct StreetsError {
    line: usize,
    problem: String,
}

pub fn parse_streets(text: &str) -> Result<Streets, StreetsError> {
    let at = |place: usize, problem: &str| StreetsError {
        line: text.get(..place).unwrap_or(text).matches('\n').count() + 1,
        problem: problem.to_owned(),
    };
    let lines: BTreeMap<Spanned<String>, Vec<i64>> =
        toml::from_str(text).map_err(|error| at(error.span().map_or(0, |span| span.start), MALFORMED))?;
    let mut streets = Streets::new();
    for (street, cell) in lines {
        let wrong = |problem: &str| at(street.span().start, problem);
        // Deserializing into an array of fixed length would accept a longer one.
        let [x, y] = cell[..] else { return Err(wrong(MALFORMED)) };
        let cell = Cell::new(x, y).ok_or_else(|| wrong("a coordinate must be from 1 to 10"))?;
        let street = Street::new(street.get_ref()).map_err(|error| wrong(&format!("the street {error}")))?;
        if streets.insert(street, cell).is_some() {
            return Err(wrong("the street is listed twice"));
        }
    }
    Ok(streets)
}
