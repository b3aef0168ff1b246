//! The filter and the page of a parts listing. The in-memory repository filters with [`Filter::matches`], the
//! PostgreSQL one in SQL (`repository/postgres/catalogue.rs`).

use std::num::NonZeroU32;

use contracts::ids::PartId;
use platform::cursor;

use super::{Category, Part};

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
