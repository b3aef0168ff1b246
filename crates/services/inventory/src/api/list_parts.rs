//! `ListParts`: returns the parts that match a filter, all at once or by page.

use std::num::NonZeroU32;

use contracts::ids::PartId;
use contracts::proto::inventory::v1::{Category as WireCategory, ListPartsRequest, ListPartsResponse, PartsFilter};
use platform::grpc::{invalid, parse_uuid};
use tonic::{Request, Response, Status};

use super::part::{decode_category, encode};
use crate::{
    model::{Category, Filter, Page},
    service::InventoryService,
};

/// The maximum per field of a filter.
const MAX_VALUES: usize = 1_000;
const MAX_PAGE_SIZE: u32 = 1_000;

pub async fn handle(
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
