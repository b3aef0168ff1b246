//! `shipyard restock`: adds stock to a running shop, with the identity of a service.

use operations::restock::{self, restock};
use platform::{
    config, ids,
    tls::{self, Tls},
};
use uuid::Uuid;

use crate::data::Data;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only this part (default: every part of the catalogue)
    #[arg(long, value_name = "UUID")]
    part: Option<Uuid>,
    /// Quantity to add to each part
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    quantity: i64,
    /// Key of a restock that failed: completes it, and adds nothing twice (default: a new key)
    #[arg(long, value_name = "UUID")]
    key: Option<Uuid>,
}

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(config::load()?);
    let service_key = data.service_key(&settings).map(Into::into);
    let address = restock::address(&settings, &inventory::SERVICE.address(&settings));
    let tls = tls::Config::load(&settings)?.map(Tls::load).transpose()?;
    anyhow::ensure!(
        service_key.is_some() || tls.is_some(),
        "SERVICE_KEY: is not set, and no shop has run from {}",
        data.path().display()
    );
    let Arguments { part, quantity, key } = arguments;
    let key = key.unwrap_or_else(ids::random);
    for part in restock(&address, service_key.as_ref(), tls.as_ref(), part, quantity, key).await? {
        outln!("{}  {:<16} {:>8} in stock", part.uuid, part.name, part.stock_quantity);
    }
    Ok(())
}
