//! The catalogue file (TOML): the parts to seed the catalogue with.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Display,
};

use contracts::{ids::PartId, money::Money};
use serde::Deserialize;

use crate::model::{Category, Dimensions, Manufacturer, NewPart, Value};

pub const DEFAULT: &str = include_str!("../catalogue.toml");
/// The maximum length of a part's name, country and tags, in characters. An index entry holds at most 2 704 bytes of a
/// text.
const MAX_NAME_LENGTH: usize = 200;
/// The maximum initial stock of a part, in units.
const MAX_STOCK: i64 = 1_000_000_000;

/// Names the invalid entry and field of a catalogue.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CatalogueError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    part: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    uuid: PartId,
    name: String,
    #[serde(default)]
    description: String,
    price: f64,
    stock: i64,
    category: Category,
    #[serde(default)]
    dimensions: Dimensions,
    #[serde(default)]
    manufacturer: Manufacturer,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    metadata: BTreeMap<String, toml::Value>,
}

pub fn parse(text: &str) -> Result<Vec<NewPart>, CatalogueError> {
    let file: File = toml::from_str(text).map_err(|error| CatalogueError(one_line(&error)))?;
    if file.part.is_empty() {
        return Err(CatalogueError("has no [[part]]".to_owned()));
    }
    let mut ids = HashSet::new();
    let mut parts = Vec::with_capacity(file.part.len());
    for (number, table) in (1..).zip(file.part) {
        let name = table.get("name").and_then(toml::Value::as_str).map(|name| format!(" ({name})"));
        let invalid =
            |problem: String| CatalogueError(format!("part {number}{}: {problem}", name.clone().unwrap_or_default()));
        let entry: Entry = table.try_into().map_err(|error| invalid(one_line(&error)))?;
        let part = check(entry).map_err(&invalid)?;
        if !ids.insert(part.id) {
            return Err(invalid(format!("uuid: {} is another part's too", part.id)));
        }
        parts.push(part);
    }
    Ok(parts)
}

fn check(entry: Entry) -> Result<NewPart, String> {
    if entry.name.is_empty() || entry.name.chars().count() > MAX_NAME_LENGTH {
        return Err(format!("name: does not have 1 to {MAX_NAME_LENGTH} characters"));
    }
    let is_long = |text: &String| text.chars().count() > MAX_NAME_LENGTH;
    if is_long(&entry.manufacturer.country) {
        return Err(format!("manufacturer.country: has more than {MAX_NAME_LENGTH} characters"));
    }
    if entry.tags.iter().any(is_long) {
        return Err(format!("tags: one has more than {MAX_NAME_LENGTH} characters"));
    }
    let price = Money::from_major(entry.price).ok().filter(|price| *price > Money::ZERO);
    let price = price.ok_or_else(|| "price: is not a positive amount with two decimals at most".to_owned())?;
    if !(0..=MAX_STOCK).contains(&entry.stock) {
        return Err(format!("stock: is not between 0 and {MAX_STOCK}"));
    }
    let Dimensions { length, width, height, weight } = entry.dimensions;
    if ![length, width, height, weight].iter().all(|size| size.is_finite() && *size >= 0.0) {
        return Err("dimensions: are not finite numbers from 0".to_owned());
    }
    let metadata = entry.metadata.into_iter().map(|(key, value)| {
        let value = value_of(value).ok_or_else(|| {
            format!("metadata.{key}: is not text, a whole number, a finite decimal number, true or false")
        })?;
        Ok((key, value))
    });
    let part = NewPart {
        id: entry.uuid,
        name: entry.name,
        description: entry.description,
        price,
        stock: entry.stock,
        category: entry.category,
        dimensions: entry.dimensions,
        manufacturer: entry.manufacturer,
        tags: entry.tags,
        metadata: metadata.collect::<Result<_, String>>()?,
    };
    match field_with_nul(&part) {
        Some(field) => Err(format!("{field}: must have no NUL")),
        None => Ok(part),
    }
}

fn value_of(value: toml::Value) -> Option<Value> {
    match value {
        toml::Value::String(text) => Some(Value::String(text)),
        toml::Value::Integer(number) => Some(Value::Int64(number)),
        toml::Value::Float(number) if number.is_finite() => Some(Value::Double(number)),
        toml::Value::Boolean(flag) => Some(Value::Bool(flag)),
        _ => None,
    }
}

/// Returns the first field with a NUL character, which PostgreSQL's `text` cannot store.
fn field_with_nul(part: &NewPart) -> Option<&'static str> {
    let manufacturer = &part.manufacturer;
    let metadata = part.metadata.iter().flat_map(|(key, value)| {
        let text = if let Value::String(text) = value { text } else { "" };
        [("metadata", key.as_str()), ("metadata", text)]
    });
    [
        ("name", part.name.as_str()),
        ("description", &part.description),
        ("manufacturer.name", &manufacturer.name),
        ("manufacturer.country", &manufacturer.country),
        ("manufacturer.website", &manufacturer.website),
    ]
    .into_iter()
    .chain(part.tags.iter().map(|tag| ("tags", tag.as_str())))
    .chain(metadata)
    .find(|(_, text)| text.contains('\0'))
    .map(|(field, _)| field)
}

fn one_line(error: &impl Display) -> String {
    error.to_string().trim().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A catalogue of one part in which `other` replaces `line`.
    fn with(line: &str, other: &str) -> String {
        let text = r#"
            [[part]]
            uuid = "aff66ae8-2538-4a07-9672-1980fed1ae5d"
            name = "Main Engine"
            price = 7500
            stock = 100
            category = "engine"
            tags = ["main"]
        "#;
        assert!(text.contains(line), "{line}");
        text.replace(line, other)
    }

    #[test]
    fn the_default_catalogue_is_what_documents_and_tests_rely_on() {
        let parts = parse(DEFAULT).unwrap();

        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(
            names[..10],
            [
                "Main Engine",
                "Reserve Engine",
                "Thruster",
                "Fuel Tank",
                "Left Wing",
                "Right Wing",
                "Window A",
                "Window B",
                "Control Module",
                "Stabilizer"
            ]
        );
        assert_eq!(parts[0].stock, 100);
        assert!(parts.iter().all(|part| (1..=100).contains(&part.stock)));
        assert!(parts.iter().all(|part| (10_000..=1_000_000).contains(&part.price.minor())));
        assert!(!DEFAULT.to_lowercase().contains("error"));
        let kinds: HashSet<_> =
            parts.iter().flat_map(|part| part.metadata.values()).map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), 4);
        let countries: HashSet<_> = parts.iter().map(|part| &part.manufacturer.country).collect();
        let categories: HashSet<_> = parts.iter().map(|part| part.category.as_str()).collect();
        assert!(countries.len() > 3 && categories.len() > 3);
    }

    #[test]
    fn an_invalid_file_is_rejected_with_the_entry_and_the_field() {
        let cases = [
            ("price = 7500", "", "part 1 (Main Engine): missing field `price`"),
            ("price = 7500", "price = -1", "part 1 (Main Engine): price: is not a positive amount"),
            ("price = 7500", "price = 1.005", "part 1 (Main Engine): price: is not a positive amount"),
            ("price = 7500", "price = \"much\"", "part 1 (Main Engine): invalid type: string \"much\""),
            ("price = 7500", "price = nan", "part 1 (Main Engine): price:"),
            ("stock = 100", "stock = -1", "part 1 (Main Engine): stock: is not between 0 and"),
            ("\"engine\"", "\"boat\"", "part 1 (Main Engine): unknown variant `boat`"),
            ("name = \"Main Engine\"", "name = \"\"", "part 1 (): name: does not have 1 to 200 characters"),
            ("name = \"Main Engine\"", "nom = \"Main Engine\"", "part 1: unknown field `nom`"),
            ("\"main\"", "\"ma\\u0000in\"", "part 1 (Main Engine): tags: must have no NUL"),
            ("tags = [\"main\"]", "metadata = { a = [1] }", "part 1 (Main Engine): metadata.a: is not text"),
            ("aff66ae8", "xyz", "part 1 (Main Engine): UUID parsing failed"),
            ("[[part]]", "[[parts]]", "unknown field `parts`"),
        ];
        for (line, other, expected) in cases {
            let error = parse(&with(line, other)).unwrap_err().to_string();

            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_text_that_is_too_long_for_its_index_is_rejected() {
        let of_length = |length: usize| {
            let text = "🚀".repeat(length);
            ["tags = [\"TEXT\"]", "manufacturer = { name = \"\", country = \"TEXT\", website = \"\" }"]
                .map(|line| parse(&with("tags = [\"main\"]", &line.replace("TEXT", &text))).map(drop))
        };

        let refused = of_length(201).map(|parsed| parsed.unwrap_err().to_string());

        assert_eq!(of_length(200), [Ok(()), Ok(())]);
        assert_eq!(refused[0], "part 1 (Main Engine): tags: one has more than 200 characters");
        assert_eq!(refused[1], "part 1 (Main Engine): manufacturer.country: has more than 200 characters");
    }

    #[test]
    fn a_duplicate_uuid_is_rejected() {
        let twice = with("\"main\"", "\"main\"").repeat(2);

        let error = parse(&twice).unwrap_err().to_string();

        assert!(error.starts_with("part 2 (Main Engine): uuid: "), "{error}");
    }
}
