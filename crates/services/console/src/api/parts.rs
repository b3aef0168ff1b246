//! `GET /console/api/parts`: parts with price and stock, with the filters of inventory.

use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse as _, Response},
};
use contracts::{
    events::message_json,
    proto::inventory::v1::{Category, ListPartsRequest, PartsFilter},
};
use platform::http::problem::Problem;

use super::{Api, of_status};

pub type Pairs = Vec<(String, String)>;

pub async fn list(State(api): State<Api>, Query(pairs): Query<Pairs>) -> Response {
    let request = match request(&pairs) {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    match api.services.parts(request).await {
        Ok(parts) => Json(message_json("inventory.v1.ListPartsResponse", &parts)).into_response(),
        Err(status) => of_status("inventory", &status).into_response(),
    }
}

/// Reads `filter.names`, `filter.categories`, …, `page_size` and `page_token`, as the gateway does.
pub fn request(pairs: &Pairs) -> Result<ListPartsRequest, Problem> {
    let mut request = ListPartsRequest::default();
    let filter = request.filter.get_or_insert_with(PartsFilter::default);
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        let value = value.clone();
        match name.as_str() {
            "filter.uuids" => filter.uuids.push(value),
            "filter.names" => filter.names.push(value),
            "filter.categories" => {
                let known = Category::from_str_name(&value)
                    .ok_or_else(|| Problem::invalid("filter.categories", "must be a category"))?;
                filter.categories.push(known.into());
            }
            "filter.manufacturer_countries" => filter.manufacturer_countries.push(value),
            "filter.tags" => filter.tags.push(value),
            "page_size" => {
                request.page_size =
                    value.parse().map_err(|_| Problem::invalid("page_size", "must be a whole number"))?;
            }
            "page_token" => request.page_token = value,
            other => return Err(Problem::invalid(other, "is not known")),
        }
    }
    Ok(request)
}
