//! Reads the files with variables, and the secrets' files that variables name. Errors name file, line and variable, but
//! never contain a value.

use std::{collections::HashMap, path::Path};

use base::config::ConfigError;

/// The maximum length of a variable's name that an error shows.
const MAX_NAME_LENGTH: usize = 64;

/// Reads a file of lines `NAME=value`. Returns no variables if the file does not exist.
///
/// It does not search other paths: dotenvy's own search goes up to the root directory, where other users may write.
pub fn env(path: &Path) -> Result<HashMap<String, String>, ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(ConfigError::new(&path.display().to_string(), error)),
    };
    let entries = dotenvy::from_read_iter(text.as_bytes());
    let entries = entries.map(|entry| entry.map(|(name, value)| (name.to_lowercase(), value)));
    entries.collect::<Result<_, _>>().map_err(|error| {
        let problem = match &error {
            dotenvy::Error::LineParse(line, _) => wrong_line(&text, line),
            _ => "cannot be read".to_owned(),
        };
        ConfigError::new(&path.display().to_string(), problem)
    })
}

/// Reads the variables of a TOML file without tables.
pub fn toml(path: &Path) -> Result<HashMap<String, String>, ConfigError> {
    let wrong = |problem: String| ConfigError::new("SHIPYARD_CONFIG", format!("{}: {problem}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        wrong(format!("line {} is not TOML", before.matches('\n').count() + 1))
    })?;
    let entries = table.into_iter().map(|(name, value)| {
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => value.to_string(),
            toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
                return Err(wrong(format!("{} is neither text nor a number", name.to_uppercase())));
            }
        };
        Ok((name.to_lowercase(), value))
    });
    entries.collect()
}

/// Reads each secret `NAME` that has no value from the file that `NAME_FILE` names.
pub fn secrets(
    values: &HashMap<String, String>,
    is_secret: fn(&str) -> bool,
) -> Result<Vec<(String, String)>, ConfigError> {
    let is_set = |name: &str| values.get(name).is_some_and(|value| !value.is_empty());
    let files = values.iter().filter_map(|(name, path)| Some((name.strip_suffix("_file")?, path)));
    files
        .filter(|(name, path)| is_secret(name) && !path.is_empty() && !is_set(name))
        .map(|(name, path)| {
            let wrong = |error| ConfigError::new(&format!("{}_FILE", name.to_uppercase()), format!("{path}: {error}"));
            let value: String = std::fs::read_to_string(path).map_err(wrong)?;
            Ok((name.to_owned(), value.trim_end().to_owned()))
        })
        .collect()
}

/// Describes the invalid line. `wrong` is the text of dotenvy's first error: a line, the value of a line, or several
/// lines if a quote is not closed.
fn wrong_line(text: &str, wrong: &str) -> String {
    let wrong = wrong.lines().next().unwrap_or_default().trim_end();
    let is_it = |line: &str| {
        let before = line.trim_end().strip_suffix(wrong).map(str::trim_end);
        !line.trim_start().starts_with('#') && before.is_some_and(|before| before.is_empty() || before.ends_with('='))
    };
    let Some((index, line)) = text.lines().enumerate().find(|(_, line)| is_it(line)) else {
        return "a line is not NAME=value".to_owned();
    };
    let number = index + 1;
    let name = line.split_once('=').map(|(name, _)| name.trim().trim_start_matches("export ").trim());
    match name.filter(|name| is_name(name)) {
        Some(name) => format!("line {number}: {name} has a value that cannot be read; put it into single quotes"),
        None => format!("line {number}: is not NAME=value"),
    }
}

/// Returns true if the text looks like a variable's name. Other text may be part of a value.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_LENGTH).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_without_a_value_comes_from_the_file_that_its_variable_names() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key");
        std::fs::write(&file, "from the file\n").unwrap();
        let path = file.to_str().unwrap().to_owned();
        let is_secret = |name: &str| name == "key" || name == "other";
        let values = |all: &[(&str, &str)]| all.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();

        let read = secrets(&values(&[("key_file", &path), ("port_file", "/nothing")]), is_secret).unwrap();
        assert_eq!(read, [("key".to_owned(), "from the file".to_owned())]);
        let own = secrets(&values(&[("key", "own"), ("key_file", &path), ("other_file", "")]), is_secret).unwrap();
        assert_eq!(own, [], "a variable that has a value keeps it");
        let missing = secrets(&values(&[("key_file", "/nothing")]), is_secret).unwrap_err();
        assert_eq!(missing.variable, "KEY_FILE");
        assert!(missing.problem.starts_with("/nothing: "), "{}", missing.problem);
    }
}
