//! Explains why a type could not be read from a JSON object: compares the object with the type's schema, which the
//! OpenAPI document publishes.
//!
//! No text contains a value: it may be a misplaced password, and clients may log the response.

use std::{collections::HashMap, fmt};

use base::{config::names::nearest, number};
use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};
use uuid::Uuid;

use crate::invalid::{FieldCode, InvalidField, InvalidFields, MAX_FIELDS};

/// The name of the whole object.
pub(crate) const BODY: &str = "body";
/// How many characters of an unknown member's name the problem contains.
const NAME_SHOWN: usize = 64;
/// The maximum number of known members that are listed when none resembles an unknown one.
const LISTED: usize = 10;

/// Lists the invalid members of an object that is not a `T`.
pub(crate) fn list<T: ToSchema>(object: &RawValue) -> InvalidFields {
    let json = |schema: &RefOr<Schema>| serde_json::to_value(schema).unwrap_or_default();
    let mut schemas = Vec::new();
    T::schemas(&mut schemas);
    let schemas: HashMap<_, _> = schemas.iter().map(|(name, schema)| (name.clone(), json(schema))).collect();
    let own = json(&T::schema());
    // Some types read null as absent, which no schema says. So it is an error only if nothing else is.
    for allows_null in [true, false] {
        let mut comparison = Comparison { schemas: &schemas, allows_null, invalid: InvalidFields::default() };
        comparison.members("", object, &own);
        if !comparison.invalid.as_slice().is_empty() {
            return comparison.invalid;
        }
    }
    InvalidFields::from_iter([InvalidField::invalid(BODY, "is not valid")])
}

struct Comparison<'s> {
    /// The schemas that others refer to, by name.
    schemas: &'s HashMap<String, Value>,
    /// True if optional members may be null.
    allows_null: bool,
    invalid: InvalidFields,
}

impl<'s> Comparison<'s> {
    fn value(&mut self, path: &str, value: &RawValue, schema: &'s Value) {
        let schemas = self.schemas;
        let name = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
        let schema = name.and_then(|name| schemas.get(name)).unwrap_or(schema);
        let kinds: Vec<&str> = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            kind => kind.as_str().into_iter().collect(),
        };
        let literal = value.get();
        if literal.starts_with('{') && kinds.contains(&"object") {
            self.members(path, value, schema);
        } else if literal.starts_with('[') && kinds.contains(&"array") {
            let elements: Vec<&RawValue> = serde_json::from_str(literal).unwrap_or_default();
            let allows_null = self.allows_null;
            let elements = elements.into_iter().enumerate();
            for (index, element) in elements.filter(|(_, element)| !allows_null || element.get() != "null") {
                self.value(&format!("{path}[{index}]"), element, &schema["items"]);
            }
        } else if literal != "null" || !kinds.contains(&"null") {
            let kinds = kinds.into_iter().filter(|kind| *kind != "null");
            let (is, nouns): (Vec<bool>, Vec<&str>) = kinds.map(|kind| compared(literal, kind, schema)).unzip();
            if !nouns.is_empty() && !is.contains(&true) {
                self.invalid.add(InvalidField::invalid(path, format!("must be {}", listed(&nouns))));
            }
        }
    }

    fn members(&mut self, path: &str, object: &RawValue, schema: &'s Value) {
        let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let Ok(Members(members)) = serde_json::from_str(object.get()) else { return };
        let properties = schema["properties"].as_object();
        let required = || schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut sent = Vec::new();
        for (name, value) in &members {
            let name = name.as_str();
            if self.invalid.as_slice().len() == MAX_FIELDS {
                return;
            }
            match properties.and_then(|properties| properties.get(name)) {
                None if schema["additionalProperties"] == false => {
                    let known: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                    let field: String = at(name).chars().flat_map(char::escape_default).take(NAME_SHOWN).collect();
                    self.invalid.add(InvalidField::new(field, FieldCode::Unknown, hint(name, &known)));
                }
                None => {}
                Some(_) if sent.contains(&name) => {
                    self.invalid.add(InvalidField::new(at(name), FieldCode::Repeated, "must be sent at most once"));
                }
                Some(property) => {
                    sent.push(name);
                    let is_absent = self.allows_null && value.get() == "null" && required().all(|other| other != name);
                    if !is_absent {
                        self.value(&at(name), value, property);
                    }
                }
            }
        }
        for name in required().filter(|name| !sent.contains(name)) {
            self.invalid.add(InvalidField::new(at(name), FieldCode::Required, "is required"));
        }
    }
}

/// The members of an object as they were sent, repeated ones too.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Returns whether a literal is of this kind, and the kind's noun. A number is compared as it was written, since a
/// double would round it.
fn compared(literal: &str, kind: &str, schema: &Value) -> (bool, &'static str) {
    let text: Option<String> = serde_json::from_str(literal).ok();
    match (kind, schema["format"].as_str()) {
        ("string", Some("uuid")) => (text.is_some_and(|text| Uuid::try_parse(&text).is_ok()), "a uuid"),
        ("string", Some("date-time")) => {
            (text.is_some_and(|text| text.parse::<DateTime<Utc>>().is_ok()), "a time such as 2026-01-31T12:00:00Z")
        }
        ("string", _) => (text.is_some(), "a string"),
        ("integer", _) => (number::scaled(literal, 0).is_ok(), "a whole number"),
        ("number", _) => (literal.starts_with(|first: char| first == '-' || first.is_ascii_digit()), "a number"),
        ("boolean", _) => (matches!(literal, "true" | "false"), "true or false"),
        ("array", _) => (false, "an array"),
        _ => (false, "an object"),
    }
}

fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("is not known; did you mean {nearest}?"),
        None if known.is_empty() || known.len() > LISTED => "is not known".to_owned(),
        None => format!("is not known; use {}", listed(known)),
    }
}

fn listed(names: &[&str]) -> String {
    match names {
        [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
        _ => names.join(""),
    }
}
