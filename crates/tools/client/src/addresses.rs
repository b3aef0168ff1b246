//! The shop's addresses: order's URL, and the addresses of iam and inventory.

use platform::config::Settings;

use crate::{shop::Shop, trust::Trust};

#[derive(Clone, Debug)]
pub struct ShopAddresses {
    /// The URL, such as `http://127.0.0.1:80`.
    pub order: String,
    /// The address, such as `127.0.0.1:443`.
    pub iam: String,
    pub inventory: String,
    /// The authorities that sign the certificates for TLS.
    pub trust: Trust,
}

impl ShopAddresses {
    /// Returns the addresses that the settings name, otherwise those on this machine.
    pub fn from_settings(settings: &Settings) -> anyhow::Result<Self> {
        let order = settings.get("ORDER_URL").map(str::to_owned);
        Ok(Self {
            order: order.unwrap_or_else(|| order::SERVICE.address(settings)),
            iam: iam::SERVICE.address(settings),
            inventory: inventory::SERVICE.address(settings),
            trust: Trust::from_settings(settings)?,
        })
    }

    /// Creates a client of the shop with its own connections.
    pub fn shop(&self) -> anyhow::Result<Shop> {
        Shop::at(&self.trust, &self.order, &self.iam, &self.inventory)
    }
}
