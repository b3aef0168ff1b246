//! JSON bodies derived from their schemas: mostly valid, except for a member or two.

use serde_json::{Map, Value, json};

use super::operation::Document;
use crate::{input::Input, system::Known, words};

/// The maximum nesting of values.
const MAX_DEPTH: u8 = 4;

pub fn body(document: &Document, schema: &Value, input: &mut Input<'_>, known: &Known) -> Vec<u8> {
    let mut body = value(document, schema, input, known, MAX_DEPTH).to_string().into_bytes();
    input.mutate(&mut body);
    body
}

fn value(document: &Document, schema: &Value, input: &mut Input<'_>, known: &Known, depth: u8) -> Value {
    if depth == 0 || input.once_in(16) {
        return odd(input, known);
    }
    let schema = document.resolve(schema);
    let alternatives = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    if let Some(schema) = alternatives.map(|all| input.pick(all)) {
        return value(document, schema, input, known, depth - 1);
    }
    let types = match &schema["type"] {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    match input.pick(types).as_str() {
        Some("object") => {
            let mut object = Map::new();
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                if !input.once_in(16) {
                    object.insert(name.clone(), value(document, schema, input, known, depth - 1));
                }
            }
            Value::Object(object)
        }
        Some("array") => match input.byte() % 32 {
            31 => vec![value(document, &schema["items"], input, known, depth - 1); *input.pick(&[1_000, 1_001])].into(),
            count => (0..count % 4).map(|_| value(document, &schema["items"], input, known, depth - 1)).collect(),
        },
        Some("integer") => words::integer(input).into(),
        Some("number") => words::number(input).into(),
        Some("string") if schema["format"] == "uuid" => words::uuid(input, known).into(),
        Some("string") => words::text(input, known).into(),
        Some("boolean") => (input.byte() & 1 == 1).into(),
        _ => Value::Null,
    }
}

fn odd(input: &mut Input<'_>, known: &Known) -> Value {
    match input.byte() % 8 {
        0 => Value::Null,
        1 => json!([]),
        2 => json!({}),
        3 => words::integer(input).into(),
        4 => words::number(input).into(),
        5 => json!(true),
        6 => json!([[[[[[[["deep"]]]]]]]]),
        _ => words::text(input, known).into(),
    }
}
