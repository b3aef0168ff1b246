//! Decodes and encodes protobuf messages by the names of their types. The JSON has the form of the gateway's
//! transcoder: names as in the proto, enums by name, 64-bit integers as text, empty values included.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, Kind, SerializeOptions, Value as Field};
use serde_json::{Value, value::Serializer};

use crate::proto::DESCRIPTORS;

/// Decoded once, since that takes some milliseconds.
static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("the build wrote these descriptors"));

/// Decodes a message of the type `kind`, such as `events.v1.OrderPaid`. Returns `None` if there is no such type or the
/// bytes are not such a message.
pub fn json(kind: &str, bytes: &[u8]) -> Option<Value> {
    let message = DynamicMessage::decode(POOL.get_message_by_name(kind)?, bytes).ok()?;
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
    message.serialize_with_options(Serializer, &options).ok()
}

/// Returns a message as JSON, or null if it cannot be decoded as `kind`, which must be the message's type.
pub fn message_json(kind: &str, message: &impl prost::Message) -> Value {
    json(kind, &message.encode_to_vec()).unwrap_or_default()
}

/// Encodes a message of the type `kind`, for tools that test consumers: texts come from `text`, enumerations have the
/// number `number`, and other fields are empty. `None` if there is no such type.
pub fn filled(kind: &str, text: impl Fn() -> String, number: i32) -> Option<Vec<u8>> {
    let descriptor = POOL.get_message_by_name(kind)?;
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields().filter(|field| !field.is_list()) {
        match field.kind() {
            Kind::String => message.set_field(&field, Field::String(text())),
            Kind::Enum(_) => message.set_field(&field, Field::EnumNumber(number)),
            _ => {}
        }
    }
    Some(prost::Message::encode_to_vec(&message))
}
