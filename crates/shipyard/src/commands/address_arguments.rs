//! The addresses of a running shop, as arguments of the commands that call it.

use client::addresses::ShopAddresses;
use platform::{config::Settings, server::service::Service};

#[derive(clap::Args)]
pub struct AddressArguments {
    /// URL of the order service (default: ORDER_URL, or this machine)
    #[arg(long, value_name = "URL")]
    order_url: Option<String>,
    /// Address of iam (default: IAM_ADDRESS, or this machine)
    #[arg(long, value_name = "ADDRESS")]
    iam: Option<String>,
    /// Address of inventory (default: INVENTORY_ADDRESS, or this machine)
    #[arg(long, value_name = "ADDRESS")]
    inventory: Option<String>,
}

impl AddressArguments {
    /// The addresses given as arguments, completed by the settings.
    pub fn completed(&self, settings: &Settings) -> anyhow::Result<ShopAddresses> {
        let address =
            |given: &Option<String>, service: &Service| given.clone().unwrap_or_else(|| service.address(settings));
        let order = self.order_url.clone().or_else(|| settings.get("ORDER_URL").map(str::to_owned));
        Ok(ShopAddresses {
            order: order.unwrap_or_else(|| order::SERVICE.address(settings)),
            iam: address(&self.iam, &iam::SERVICE),
            inventory: address(&self.inventory, &inventory::SERVICE),
            trust: client::trust::Trust::from_settings(settings)?,
        })
    }
}
