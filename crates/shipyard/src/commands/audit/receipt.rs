//! `shipyard audit --order`: the receipt of one order.

use anyhow::Context as _;
use operations::receipts::{Receipts, Records};
use platform::config::Settings;
use uuid::Uuid;

use crate::data::Data;

/// Prints the receipt. Fails if an invariant is violated, or if a database could not be read. Work under way is no failure.
pub async fn run(order: Uuid, json: bool, data: &Data) -> anyhow::Result<()> {
    let settings = data.running(Settings::load()?);
    let receipts = Receipts::of("shipyard-audit", &settings).with_context(|| data.advice())?;
    let records = Records::scan(&settings, order).await?;
    let receipt = receipts.receipt(order, &records).await.with_context(|| format!("there is no order {order}"))?;
    if json {
        serde_json::to_writer_pretty(std::io::stdout().lock(), &receipt)?;
        println!();
    } else {
        println!("{receipt}");
    }
    anyhow::ensure!(receipt.violated().next().is_none(), "{}", receipt.summary());
    anyhow::ensure!(receipt.unread.is_empty(), "{}", receipt.unread.join("; "));
    Ok(())
}
