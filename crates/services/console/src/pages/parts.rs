//! Parts as the pages show them.

use contracts::proto::inventory::v1::{Category, ListPartsRequest, Part, PartsFilter, Value, value};
use tonic::Status;
use uuid::Uuid;

use super::{
    format::{Count, Money},
    words,
};
use crate::{api::MAX_UNITS, client::Services};

/// The number of parts per read, and the maximum number of reads for one page.
const PAGE_SIZE: u32 = 500;
const MAX_PAGES: usize = 10;

#[derive(Clone, Debug, Default)]
pub struct PartView {
    pub uuid: String,
    pub name: String,
    pub description: String,
    pub price: Money,
    /// The units that can be bought now.
    pub stock: i64,
    /// `engine`, `fuel`, `porthole`, `wing`, or empty for another part.
    pub category: &'static str,
    pub manufacturer: String,
    pub country: String,
    pub tags: Vec<String>,
    /// Dimensions and metadata, formatted for people.
    pub facts: Vec<(String, String)>,
    /// The number of units in the cart, if the address of the page has it, otherwise 0.
    pub quantity: i64,
}

impl PartView {
    pub fn picture(&self) -> &'static str {
        if self.category.is_empty() { "part" } else { self.category }
    }

    pub fn kind(&self) -> &'static str {
        words::category(self.category)
    }

    pub fn stock_text(&self) -> String {
        match self.stock {
            ..=0 => "Sold out".to_owned(),
            left @ 1..=5 => format!("Only {left} left"),
            left => format!("{} in stock", Count(left)),
        }
    }

    /// Returns how many units a form can order.
    pub fn most(&self) -> i64 {
        self.stock.min(MAX_UNITS)
    }

    pub fn is_sold_out(&self) -> bool {
        self.stock <= 0
    }

    pub fn is_scarce(&self) -> bool {
        (1..=5).contains(&self.stock)
    }
}

pub async fn of_uuids(services: &Services, uuids: impl IntoIterator<Item = Uuid>) -> Result<Vec<PartView>, Status> {
    let uuids: Vec<String> = uuids.into_iter().map(|uuid| uuid.to_string()).collect();
    if uuids.is_empty() {
        return Ok(Vec::new());
    }
    let filter = PartsFilter { uuids, ..PartsFilter::default() };
    let request = ListPartsRequest { filter: Some(filter), ..ListPartsRequest::default() };
    Ok(services.parts(request).await?.parts.into_iter().map(view).collect())
}

/// Returns the parts of the shop, at most [`PAGE_SIZE`] × [`MAX_PAGES`].
pub async fn all(services: &Services) -> Result<Vec<PartView>, Status> {
    let mut request = ListPartsRequest { page_size: PAGE_SIZE, ..ListPartsRequest::default() };
    let mut parts = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = services.parts(request.clone()).await?;
        parts.extend(page.parts.into_iter().map(view));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    Ok(parts)
}

fn view(part: Part) -> PartView {
    let maker = part.manufacturer.unwrap_or_default();
    let mut facts = Vec::new();
    if let Some(size) = part.dimensions {
        facts.push(("Size".to_owned(), format!("{} × {} × {} cm", size.length, size.width, size.height)));
        facts.push(("Weight".to_owned(), format!("{} kg", size.weight)));
    }
    let mut metadata: Vec<_> = part.metadata.into_iter().collect();
    metadata.sort_by(|one, other| one.0.cmp(&other.0));
    facts.extend(metadata.into_iter().map(|(name, value)| (name.replace('_', " "), text(value))));
    let category = match Category::try_from(part.category).unwrap_or_default() {
        Category::Engine => "engine",
        Category::Fuel => "fuel",
        Category::Porthole => "porthole",
        Category::Wing => "wing",
        Category::Unspecified => "",
    };
    PartView {
        uuid: part.uuid,
        name: part.name,
        description: part.description,
        price: Money::from_major(part.price),
        stock: part.stock_quantity,
        category,
        manufacturer: maker.name,
        country: maker.country,
        tags: part.tags,
        facts,
        quantity: 0,
    }
}

fn text(value: Value) -> String {
    match value.value {
        Some(value::Value::StringValue(text)) => text,
        Some(value::Value::Int64Value(number)) => Count(number).to_string(),
        Some(value::Value::DoubleValue(number)) => number.to_string(),
        Some(value::Value::BoolValue(true)) => "yes".to_owned(),
        Some(value::Value::BoolValue(false)) => "no".to_owned(),
        None => String::new(),
    }
}
