//! The use case: find the cell of a street.

use std::sync::Arc;

use crate::{
    error::Error,
    model::{Cell, Street, Streets},
};

#[derive(Clone)]
pub struct GeoService {
    streets: Arc<Streets>,
}

impl GeoService {
    pub fn new(streets: Streets) -> Self {
        Self { streets: Arc::new(streets) }
    }

    /// Returns the street's configured cell, or else the cell derived from its hash.
    pub fn locate(&self, street: &str) -> Result<Cell, Error> {
        let street = Street::new(street)?;
        Ok(self.streets.get(&street).copied().unwrap_or_else(|| Cell::of_unlisted_street(&street)))
    }
}
