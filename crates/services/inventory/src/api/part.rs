//! Encodes a part as protobuf.

use contracts::proto::inventory::v1::{self as wire, value};
use platform::grpc::timestamp;

use crate::model::{Category, Part, Value};

pub fn encode(part: Part) -> wire::Part {
    wire::Part {
        uuid: part.id.to_string(),
        name: part.name,
        description: part.description,
        price: part.price.to_major(),
        stock_quantity: part.stock.available,
        category: encode_category(part.category).into(),
        dimensions: Some(wire::Dimensions {
            length: part.dimensions.length,
            width: part.dimensions.width,
            height: part.dimensions.height,
            weight: part.dimensions.weight,
        }),
        manufacturer: Some(wire::Manufacturer {
            name: part.manufacturer.name,
            country: part.manufacturer.country,
            website: part.manufacturer.website,
        }),
        tags: part.tags,
        metadata: part.metadata.into_iter().map(|(key, value)| (key, encode_value(value))).collect(),
        created_at: Some(timestamp(part.created_at)),
        updated_at: Some(timestamp(part.updated_at)),
    }
}

fn encode_value(value: Value) -> wire::Value {
    let value = match value {
        Value::String(text) => value::Value::StringValue(text),
        Value::Int64(number) => value::Value::Int64Value(number),
        Value::Double(number) => value::Value::DoubleValue(number),
        Value::Bool(flag) => value::Value::BoolValue(flag),
    };
    wire::Value { value: Some(value) }
}

fn encode_category(category: Category) -> wire::Category {
    match category {
        Category::Unspecified => wire::Category::Unspecified,
        Category::Engine => wire::Category::Engine,
        Category::Fuel => wire::Category::Fuel,
        Category::Porthole => wire::Category::Porthole,
        Category::Wing => wire::Category::Wing,
    }
}

pub fn decode_category(category: wire::Category) -> Category {
    match category {
        wire::Category::Unspecified => Category::Unspecified,
        wire::Category::Engine => Category::Engine,
        wire::Category::Fuel => Category::Fuel,
        wire::Category::Porthole => Category::Porthole,
        wire::Category::Wing => Category::Wing,
    }
}
