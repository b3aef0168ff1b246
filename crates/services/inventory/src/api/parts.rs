//! Parts: `GetPart`, `ListParts` and `RestockParts`.

use std::num::NonZeroU32;

use contracts::{
    ids::PartId,
    proto::inventory::v1::{
        self as wire, Category as WireCategory, GetPartRequest, GetPartResponse, ListPartsRequest, ListPartsResponse,
        PartsFilter, RestockPartsRequest, RestockPartsResponse, value,
    },
};
use platform::{
    auth::role_used_on,
    grpc::{author, invalid, parse_uuid, timestamp},
};
use tonic::{Request, Response, Status};

use super::reservations::decode_lines;
use crate::{
    model::{Category, Filter, Page, Part, Value},
    service::InventoryService,
};

pub async fn get_part(
    service: &InventoryService,
    request: Request<GetPartRequest>,
) -> Result<Response<GetPartResponse>, Status> {
    let part = PartId::new(parse_uuid("uuid", &request.get_ref().uuid)?);

    let part = service.part(part).await?;

    Ok(Response::new(GetPartResponse { part: Some(encode(part)) }))
}

/// The maximum number of values per field of a filter.
const MAX_VALUES: usize = 1_000;
const MAX_PAGE_SIZE: u32 = 1_000;

pub async fn list_parts(
    service: &InventoryService,
    request: Request<ListPartsRequest>,
) -> Result<Response<ListPartsResponse>, Status> {
    let ListPartsRequest { filter, page_size, page_token } = request.into_inner();
    let filter = decode_filter(filter.unwrap_or_default())?;
    let after = decode_token(&page_token)?;
    let size = NonZeroU32::new(page_size.min(MAX_PAGE_SIZE));

    let (parts, next) = service.parts(&filter, Page { after, size }).await?;

    let next_page_token = next.map(|position| position.to_string()).unwrap_or_default();
    Ok(Response::new(ListPartsResponse { parts: parts.into_iter().map(encode).collect(), next_page_token }))
}

/// Returns the position of the part after which the page begins.
pub fn decode_token(token: &str) -> Result<i64, Status> {
    if token.is_empty() {
        return Ok(0);
    }
    // `parse` also accepts texts that the service never issues as tokens, such as `+5`.
    let position = token.parse::<i64>().ok().filter(|position| *position > 0 && position.to_string() == token);
    position.ok_or_else(|| invalid("page_token", "must be the next_page_token of a page"))
}

pub fn decode_filter(filter: PartsFilter) -> Result<Filter, Status> {
    Ok(Filter {
        parts: decode_uuids(&bounded("uuids", filter.uuids)?)?,
        names: texts("names", filter.names)?,
        categories: decode_categories(&bounded("categories", filter.categories)?)?,
        countries: texts("manufacturer_countries", filter.manufacturer_countries)?,
        tags: texts("tags", filter.tags)?,
    })
}

fn bounded<T>(field: &str, values: Vec<T>) -> Result<Vec<T>, Status> {
    if values.len() > MAX_VALUES {
        return Err(invalid(format!("filter.{field}"), format!("must have at most {MAX_VALUES} values")));
    }
    Ok(values)
}

fn decode_uuids(uuids: &[String]) -> Result<Vec<PartId>, Status> {
    let decode = |(index, uuid): (usize, &String)| parse_uuid(&format!("filter.uuids[{index}]"), uuid).map(PartId::new);
    uuids.iter().enumerate().map(decode).collect()
}

fn decode_categories(categories: &[i32]) -> Result<Vec<Category>, Status> {
    let decode = |(index, category): (usize, &i32)| {
        WireCategory::try_from(*category)
            .map(decode_category)
            .map_err(|_| invalid(format!("filter.categories[{index}]"), "must be a category"))
    };
    categories.iter().enumerate().map(decode).collect()
}

/// Rejects NUL characters, which PostgreSQL's `text` cannot store.
fn texts(field: &str, values: Vec<String>) -> Result<Vec<String>, Status> {
    match values.iter().position(|value| value.contains('\0')) {
        Some(index) => Err(invalid(format!("filter.{field}[{index}]"), "must have no NUL")),
        None => bounded(field, values),
    }
}

pub async fn restock_parts(
    service: &InventoryService,
    request: Request<RestockPartsRequest>,
) -> Result<Response<RestockPartsResponse>, Status> {
    let restock = parse_uuid("restock_uuid", &request.get_ref().restock_uuid)?;
    let lines = decode_lines(&request.get_ref().parts)?;
    let by = author(&request, &request.get_ref().decided_by)?;
    // Usually a restock has one part. A restock never concerns the operator's own orders, which have reserved their
    // parts.
    role_used_on(lines.only().map_or(restock, PartId::uuid));

    service.restock(restock, &lines, &by).await?;

    Ok(Response::new(RestockPartsResponse {}))
}

fn encode(part: Part) -> wire::Part {
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

fn decode_category(category: wire::Category) -> Category {
    match category {
        wire::Category::Unspecified => Category::Unspecified,
        wire::Category::Engine => Category::Engine,
        wire::Category::Fuel => Category::Fuel,
        wire::Category::Porthole => Category::Porthole,
        wire::Category::Wing => Category::Wing,
    }
}
