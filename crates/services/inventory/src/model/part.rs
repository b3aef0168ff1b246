//! Parts of the catalogue, and the filter and pages in which they are listed.

use std::{collections::BTreeMap, num::NonZeroU32};

use chrono::{DateTime, Utc};
use contracts::{ids::PartId, money::Money};
use platform::cursor;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    Unspecified,
    Engine,
    Fuel,
    Porthole,
    Wing,
}

impl Category {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Engine => "engine",
            Self::Fuel => "fuel",
            Self::Porthole => "porthole",
            Self::Wing => "wing",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Unspecified, Self::Engine, Self::Fuel, Self::Porthole, Self::Wing]
            .into_iter()
            .find(|category| category.as_str() == text)
    }
}

/// Sizes in centimetres, weight in kilograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimensions {
    pub length: f64,
    pub width: f64,
    pub height: f64,
    pub weight: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manufacturer {
    pub name: String,
    pub country: String,
    pub website: String,
}

/// A value of a part's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    String(String),
    Int64(i64),
    Double(f64),
    Bool(bool),
}

/// A part to add to the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPart {
    pub id: PartId,
    pub name: String,
    pub description: String,
    pub price: Money,
    /// The initial stock, in units.
    pub stock: i64,
    pub category: Category,
    pub dimensions: Dimensions,
    pub manufacturer: Manufacturer,
    pub tags: Vec<String>,
    pub metadata: BTreeMap<String, Value>,
}

/// The number of units of a part that came in (`initial` and `restocked`), and the number in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    pub initial: i64,
    pub restocked: i64,
    pub available: i64,
    /// The units reserved for orders whose ships are not built yet.
    pub reserved: i64,
    /// The units built into ships.
    pub consumed: i64,
}

impl Stock {
    /// Returns true if no unit is lost or counted twice, and no count is negative.
    pub fn adds_up(&self) -> bool {
        self.initial + self.restocked == self.available + self.reserved + self.consumed
            && [self.available, self.reserved, self.consumed].iter().all(|count| *count >= 0)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub id: PartId,
    /// The sort key of listings. The page token is the position of a page's last part.
    pub position: i64,
    pub name: String,
    pub description: String,
    pub price: Money,
    pub stock: Stock,
    pub category: Category,
    pub dimensions: Dimensions,
    pub manufacturer: Manufacturer,
    pub tags: Vec<String>,
    pub metadata: BTreeMap<String, Value>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A part matches if, for every field, it has one of the field's values. An empty field matches all parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub parts: Vec<PartId>,
    pub names: Vec<String>,
    pub categories: Vec<Category>,
    pub countries: Vec<String>,
    pub tags: Vec<String>,
}

impl Filter {
    pub fn matches(&self, part: &Part) -> bool {
        allows(&self.parts, &part.id)
            && allows(&self.names, &part.name)
            && allows(&self.categories, &part.category)
            && allows(&self.countries, &part.manufacturer.country)
            && (self.tags.is_empty() || part.tags.iter().any(|tag| self.tags.contains(tag)))
    }
}

fn allows<T: PartialEq>(allowed: &[T], value: &T) -> bool {
    allowed.is_empty() || allowed.contains(value)
}

/// At most `size` parts after the position `after`; all of them without `size`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub after: i64,
    pub size: Option<NonZeroU32>,
}

impl Page {
    /// Truncates `parts` to the page. Returns the position after which the next page begins, if there is one. The
    /// caller must have read at least one part more than the page holds.
    pub fn cut<T>(self, parts: &mut Vec<T>, position: impl FnOnce(&T) -> i64) -> Option<i64> {
        cursor::cut(parts, usize::try_from(self.size?.get()).unwrap_or(usize::MAX), position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOCK: Stock = Stock { initial: 5, restocked: 4, available: 3, reserved: 4, consumed: 2 };

    #[test]
    fn stock_adds_up_when_every_piece_is_in_one_place() {
        let one_too_many = [
            Stock { initial: 6, ..STOCK },
            Stock { restocked: 5, ..STOCK },
            Stock { available: 4, ..STOCK },
            Stock { reserved: 5, ..STOCK },
            Stock { consumed: 3, ..STOCK },
        ];

        assert!(STOCK.adds_up() && Stock::default().adds_up());
        for stock in one_too_many {
            assert!(!stock.adds_up(), "{stock:?}");
        }
    }

    #[test]
    fn stock_that_is_negative_somewhere_does_not_add_up() {
        let negative = [
            Stock { available: -1, reserved: 8, ..STOCK },
            Stock { reserved: -1, available: 8, ..STOCK },
            Stock { consumed: -1, available: 6, ..STOCK },
        ];

        for stock in negative {
            assert!(!stock.adds_up(), "{stock:?}");
        }
    }

    #[test]
    fn a_category_is_filtered_by_the_name_under_which_it_is_written() {
        for category in [Category::Unspecified, Category::Engine, Category::Fuel, Category::Porthole, Category::Wing] {
            assert_eq!(serde_json::json!(category), category.as_str());
            assert_eq!(Category::parse(category.as_str()), Some(category));
        }
    }
}
