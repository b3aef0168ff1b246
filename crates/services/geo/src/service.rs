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
    /// `streets` are those whose cells are given.
    pub fn new(streets: Streets) -> Self {
        Self { streets: Arc::new(streets) }
    }

    /// The street's given cell, or the one that follows from its hash.
    pub fn locate(&self, street: &str) -> Result<Cell, Error> {
        let street = Street::new(street)?;
        Ok(self.streets.get(&street).copied().unwrap_or_else(|| Cell::by_hash(&street)))
    }
}
