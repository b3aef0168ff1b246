//! The filter and the page of a parts listing. The repository in memory filters with [`Filter::matches`]; the one in PostgreSQL filters in
//! SQL, in `repository/postgres/catalogue.rs`.

use std::num::NonZeroU32;

use contracts::ids::PartId;
use platform::cursor;

use super::{Category, Part};

/// A filter of parts. A part matches if it matches every field. It matches a field if it has one of the field's values; an empty field
/// matches all parts.
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

/// A page of a listing: at most `size` parts after the position `after`. Without `size`, the page has all parts after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub after: i64,
    pub size: Option<NonZeroU32>,
}

impl Page {
    /// Cuts `parts`, which were read with at least one more than the page holds, to the page. Returns the position after which the next
    /// page begins, if there is one; `position` returns the position of a part.
    pub fn cut<T>(self, parts: &mut Vec<T>, position: impl FnOnce(&T) -> i64) -> Option<i64> {
        cursor::cut(parts, usize::try_from(self.size?.get()).unwrap_or(usize::MAX), position)
    }
}
