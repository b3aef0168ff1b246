//! JSON schemas of messages.

use std::collections::{BTreeMap, BTreeSet};

use protox::prost_reflect::{DescriptorPool, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

/// The schemas of the messages that routes use, by full name.
#[derive(Default)]
pub struct Schemas {
    used: BTreeSet<String>,
    made: BTreeMap<String, Value>,
}

impl Schemas {
    pub fn reference(&mut self, message: &MessageDescriptor) -> Value {
        self.used.insert(message.full_name().to_owned());
        json!({ "$ref": format!("#/components/schemas/{}", message.full_name()) })
    }

    /// The schema of a message without these fields.
    pub fn without(&mut self, message: &MessageDescriptor, fields: &[&str]) -> Value {
        if fields.is_empty() { self.reference(message) } else { object(message, fields, self) }
    }

    /// Generates the schema of every used message, including messages that only other messages use.
    pub fn add_all(&mut self, pool: &DescriptorPool) {
        while let Some(name) = self.used.iter().find(|name| !self.made.contains_key(*name)).cloned() {
            let schema = pool.get_message_by_name(&name).map_or_else(|| json!({}), |found| object(&found, &[], self));
            self.made.insert(name, schema);
        }
    }

    pub fn into_json(self) -> Value {
        json!(self.made)
    }
}

fn object(message: &MessageDescriptor, without: &[&str], schemas: &mut Schemas) -> Value {
    let mut properties = Map::new();
    for field in message.fields().filter(|field| !without.contains(&field.name())) {
        let mut schema = schema_of(&field, schemas);
        let description = comment(&message.parent_file(), field.path());
        if !description.is_empty() && schema.get("$ref").is_none() {
            schema["description"] = description.into();
        }
        properties.insert(field.name().to_owned(), schema);
    }
    json!({
        "type": "object",
        "description": comment(&message.parent_file(), message.path()),
        "properties": properties,
    })
}

pub fn schema_of(field: &FieldDescriptor, schemas: &mut Schemas) -> Value {
    if field.is_map()
        && let Some(value) = field.kind().as_message().map(MessageDescriptor::map_entry_value_field)
    {
        return json!({ "type": "object", "additionalProperties": single(&value.kind(), schemas) });
    }
    let one = single(&field.kind(), schemas);
    if field.is_list() { json!({ "type": "array", "items": one }) } else { one }
}

/// The schema of one value, by protobuf's JSON mapping.
fn single(kind: &Kind, schemas: &mut Schemas) -> Value {
    match kind {
        Kind::Double | Kind::Float => json!({ "type": "number" }),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
        Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "format": "int64", "minimum": 0 }),
        // JSON strings, since many programs read a JSON number as a double.
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
            json!({ "type": "string", "format": "int64" })
        }
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::String => json!({ "type": "string" }),
        Kind::Bytes => json!({ "type": "string", "format": "byte" }),
        Kind::Enum(names) => {
            json!({ "type": "string", "enum": names.values().map(|value| value.name().to_owned()).collect::<Vec<_>>() })
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            json!({ "type": "string", "format": "date-time" })
        }
        Kind::Message(message) => schemas.reference(message),
    }
}

/// The schema of `google.rpc.Status`.
pub fn status() -> Value {
    json!({
        "type": "object",
        "description": "google.rpc.Status",
        "properties": {
            "code": { "type": "integer", "format": "int32", "description": "The gRPC status code" },
            "message": { "type": "string" },
            "details": { "type": "array", "items": { "type": "object" } },
        },
    })
}

/// The comment above an element of a file, on one line.
pub fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let location = info.and_then(|info| info.location.iter().find(|location| location.path == path));
    let text = location.and_then(|location| location.leading_comments.as_deref()).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
