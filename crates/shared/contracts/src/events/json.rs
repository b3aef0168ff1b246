//! Protobuf messages as JSON, in the form that the gateway's transcoder gives them: names as in the proto, enums by name, 64-bit integers
//! as text, empty values written.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::{Value, value::Serializer};

use crate::proto::DESCRIPTORS;

/// The descriptors of every package. Decoded once, since that takes some milliseconds.
static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("the build wrote these descriptors"));

/// Decodes a message of the type `kind`, such as `events.v1.OrderPaid`. `None` if there is no such type or the bytes are no such message.
pub fn json(kind: &str, bytes: &[u8]) -> Option<Value> {
    let message = DynamicMessage::decode(POOL.get_message_by_name(kind)?, bytes).ok()?;
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
    message.serialize_with_options(Serializer, &options).ok()
}

/// Returns a message of the type `kind` as JSON; null if the type is not its own.
pub fn message_json(kind: &str, message: &impl prost::Message) -> Value {
    json(kind, &message.encode_to_vec()).unwrap_or_default()
}
