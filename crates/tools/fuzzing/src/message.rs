//! Protobuf messages derived from their descriptors, with mostly meaningful fields.

use std::{collections::HashMap, sync::LazyLock};

use contracts::proto::DESCRIPTORS;
use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint},
};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use crate::{input::Input, words};

const MAX_DEPTH: u8 = 4;
/// From this size in bytes, which no server accepts, a message gets no further fields.
const MAX_BYTES: usize = 300 * 1024;

static MESSAGES: LazyLock<HashMap<String, DescriptorProto>> = LazyLock::new(|| {
    let mut all = HashMap::new();
    let descriptors = FileDescriptorSet::decode(DESCRIPTORS).expect("the descriptors are those that reflection serves");
    for file in descriptors.file {
        let package = format!(".{}", file.package());
        for message in file.message_type {
            insert(&mut all, &package, message);
        }
    }
    all
});

fn insert(all: &mut HashMap<String, DescriptorProto>, scope: &str, message: DescriptorProto) {
    let name = format!("{scope}.{}", message.name());
    for nested in &message.nested_type {
        insert(all, &name, nested.clone());
    }
    all.insert(name, message);
}

/// Returns an encoded message of the type with this full name, which begins with a dot.
pub fn message(name: &str, input: &mut Input<'_>) -> Vec<u8> {
    let mut encoded = encode(name, input, MAX_DEPTH);
    input.mutate(&mut encoded);
    encoded
}

fn encode(name: &str, input: &mut Input<'_>, depth: u8) -> Vec<u8> {
    let mut encoded = Vec::new();
    let Some(message) = MESSAGES.get(name) else { return encoded };
    for field in &message.field {
        let times = match (field.label(), input.byte() % 16) {
            (_, 15) => 0,
            (Label::Repeated, 14) => *input.pick(&[1_000, 1_001, 3_000]),
            (Label::Repeated, choice) => usize::from(choice % 4),
            _ => 1,
        };
        let one = if times > 4 { Some(value(field, input, depth)) } else { None };
        for _ in 0..times {
            if encoded.len() > MAX_BYTES {
                break;
            }
            let (wire_type, value) = one.clone().unwrap_or_else(|| value(field, input, depth));
            encode_key(field.number().cast_unsigned(), wire_type, &mut encoded);
            if wire_type == WireType::LengthDelimited {
                encode_varint(value.len() as u64, &mut encoded);
            }
            encoded.extend(value);
        }
    }
    encoded
}

fn value(field: &FieldDescriptorProto, input: &mut Input<'_>, depth: u8) -> (WireType, Vec<u8>) {
    let varint = |number: u64| {
        let mut encoded = Vec::new();
        encode_varint(number, &mut encoded);
        (WireType::Varint, encoded)
    };
    match field.r#type() {
        Type::String if is_id(field.name()) => (WireType::LengthDelimited, words::uuid(input).into_bytes()),
        Type::String => (WireType::LengthDelimited, words::text(input).into_bytes()),
        Type::Bytes => (WireType::LengthDelimited, input.bytes().to_vec()),
        Type::Message if depth > 0 => (WireType::LengthDelimited, encode(field.type_name(), input, depth - 1)),
        Type::Message | Type::Group => (WireType::LengthDelimited, Vec::new()),
        Type::Double => (WireType::SixtyFourBit, words::number(input).to_le_bytes().to_vec()),
        Type::Fixed64 | Type::Sfixed64 => (WireType::SixtyFourBit, words::integer(input).to_le_bytes().to_vec()),
        Type::Float | Type::Fixed32 | Type::Sfixed32 => {
            (WireType::ThirtyTwoBit, input.u64().to_le_bytes()[..4].to_vec())
        }
        Type::Bool => varint(u64::from(input.byte() & 1)),
        Type::Enum if !input.once_in(8) => varint(u64::from(input.byte() % 6)),
        _ => varint(words::integer(input).cast_unsigned()),
    }
}

fn is_id(name: &str) -> bool {
    ["uuid", "uuids", "_id"].iter().any(|ending| name.ends_with(ending))
}
