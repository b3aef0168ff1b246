//! `shipyard audit --order`: the receipt of one order.

use anyhow::Context as _;
use audit::Verdict;
use operations::receipts::{Receipts, Records};
use platform::config::Settings;
use uuid::Uuid;

use crate::{data::Data, output};

/// Prints the receipt, and one line to standard error if an invariant is violated or a database could not be read.
/// Pending work is no failure.
pub async fn run(order: Uuid, json: bool, data: &Data) -> anyhow::Result<Verdict> {
    let settings = data.running(Settings::load()?);
    let receipts = Receipts::from_settings("shipyard-audit", &settings).with_context(|| data.advice())?;
    let records = Records::scan(&settings, order).await?;
    let receipt = receipts.receipt(order, &records).await.with_context(|| format!("order {order} not found"))?;
    if json {
        output::json(&receipt)?;
    } else {
        outln!("{receipt}");
    }
    if receipt.violated().next().is_some() {
        eprintln!("{}", receipt.summary());
        return Ok(Verdict::Broken);
    }
    anyhow::ensure!(receipt.unread.is_empty(), "{}", receipt.unread.join("; "));
    Ok(Verdict::Holds)
}
