//! `shipyard restock`: adds stock to a running shop, with the identity of a service.

use anyhow::Context as _;
use platform::{auth::ServiceKey, config::Settings, grpc::Peer, ids};
use proto::inventory::v1::{
    ListPartsRequest, Part, PartQuantity, PartsFilter, RestockPartsRequest,
    inventory_service_client::InventoryServiceClient,
};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{data::Data, services::Service};

#[derive(clap::Args)]
pub struct Arguments {
    /// This part alone; without it, every part of the catalogue.
    #[arg(long, value_name = "UUID")]
    part: Option<Uuid>,
    /// How many of each.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
    quantity: i64,
}

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = Settings::load()?;
    let key = data
        .service_key(&settings)
        .with_context(|| format!("SERVICE_KEY: is not set, and no shop has run from {}", data.path().display()))?;
    let address = Service::Inventory.address(&settings);
    for part in restock(&address, &key.into(), arguments.part, arguments.quantity).await? {
        println!("{}  {:<16} {:>8} in stock", part.uuid, part.name, part.stock_quantity);
    }
    Ok(())
}

/// Adds so many of one part, or of each, at the inventory that listens there: these parts as they are then.
pub async fn restock(
    address: &str,
    key: &SecretString,
    part: Option<Uuid>,
    quantity: i64,
) -> anyhow::Result<Vec<Part>> {
    let key = ServiceKey::new("shipyard", key)?;
    let inventory = Peer::lazy("inventory", "INVENTORY_ADDRESS", address)?.identified(key);
    let mut inventory = InventoryServiceClient::new(inventory);
    let uuids: Vec<String> = part.iter().map(Uuid::to_string).collect();
    let request = ListPartsRequest {
        filter: Some(PartsFilter { uuids, ..PartsFilter::default() }),
        ..ListPartsRequest::default()
    };
    let listed =
        inventory.list_parts(request.clone()).await.with_context(|| format!("asking inventory at {address}"))?;
    let parts: Vec<PartQuantity> =
        listed.into_inner().parts.into_iter().map(|part| PartQuantity { part_uuid: part.uuid, quantity }).collect();
    anyhow::ensure!(!parts.is_empty(), "there is no such part");
    let restock = RestockPartsRequest { restock_uuid: ids::random().to_string(), parts };
    inventory.restock_parts(restock).await.context("restocking")?;
    Ok(inventory.list_parts(request).await.context("listing parts")?.into_inner().parts)
}
