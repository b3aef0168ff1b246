//! Which parts a listing is about.

use std::num::NonZeroU32;

use uuid::Uuid;

use super::{Category, Part};

/// Within one field *or*, between fields *and*; tags match when any overlaps; an empty field means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub uuids: Vec<Uuid>,
    pub names: Vec<String>,
    pub categories: Vec<Category>,
    pub countries: Vec<String>,
    pub tags: Vec<String>,
}

impl Filter {
    pub fn matches(&self, part: &Part) -> bool {
        allows(&self.uuids, &part.uuid)
            && allows(&self.names, &part.name)
            && allows(&self.categories, &part.category)
            && allows(&self.countries, &part.manufacturer.country)
            && (self.tags.is_empty() || part.tags.iter().any(|tag| self.tags.contains(tag)))
    }
}

fn allows<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

/// A part of a listing: what comes after the position `after`, all of it where there is no `size`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub after: i64,
    pub size: Option<NonZeroU32>,
}
