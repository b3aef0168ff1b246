//! Reading parts for the pages.

use contracts::proto::inventory::v1::{ListPartsRequest, Part, PartsFilter};
use tonic::Status;
use uuid::Uuid;

use super::format::Money;
use crate::client::Services;

/// The number of parts per read, and the maximum number of reads for one page.
const PAGE_SIZE: u32 = 500;
const MAX_PAGES: usize = 10;

pub async fn of_uuids(services: &Services, uuids: impl IntoIterator<Item = Uuid>) -> Result<Vec<Part>, Status> {
    let uuids: Vec<String> = uuids.into_iter().map(|uuid| uuid.to_string()).collect();
    if uuids.is_empty() {
        return Ok(Vec::new());
    }
    let filter = PartsFilter { uuids, ..PartsFilter::default() };
    let request = ListPartsRequest { filter: Some(filter), ..ListPartsRequest::default() };
    Ok(services.parts(request).await?.parts)
}

/// Returns the parts of the shop, at most [`PAGE_SIZE`] × [`MAX_PAGES`].
pub async fn all(services: &Services) -> Result<Vec<Part>, Status> {
    let mut request = ListPartsRequest { page_size: PAGE_SIZE, ..ListPartsRequest::default() };
    let mut parts = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = services.parts(request.clone()).await?;
        parts.extend(page.parts);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    Ok(parts)
}

pub fn price(part: &Part) -> Money {
    Money::from_major(part.price)
}
