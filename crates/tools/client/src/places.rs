//! Where the shop's entrances are: order's URL, and the addresses of iam and inventory.

use crate::{shop::Shop, trust::Trust};

#[derive(Clone, Debug)]
pub struct Places {
    /// Such as `http://127.0.0.1:80`.
    pub order: String,
    /// Such as `127.0.0.1:443`.
    pub iam: String,
    pub inventory: String,
    /// The authorities of places over TLS.
    pub trust: Trust,
}

impl Places {
    /// A client of the shop with connections of its own.
    pub fn shop(&self) -> anyhow::Result<Shop> {
        Shop::at(&self.trust, &self.order, &self.iam, &self.inventory)
    }
}
