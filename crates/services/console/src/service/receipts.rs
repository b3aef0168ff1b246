//! Signs receipts. An order gets a new receipt when its checks have changed, and each names the one before.

use anyhow::{Context as _, anyhow};
use chrono::SubsecRound as _;
use contracts::ids::OrderId;
use platform::clock;
use serde_json::Value;

use crate::{
    SERVICE,
    error::Error,
    model::{
        Check, SignedReceipt,
        receipt_page::{PageDigests, digest, with_receipt},
        signed_receipt::key_set,
    },
    receipt_keys::ReceiptKeys,
    repository::{Issued, PgReceipts},
};

/// The maximum number of attempts, while other requests issue receipts of the same order.
const MAX_ATTEMPTS: usize = 3;
/// What is unavailable if a receipt is not signed.
const SIGNATURE: &str = "the signature of receipts";

#[derive(Clone)]
pub struct SignedReceipts {
    receipts: PgReceipts,
    keys: ReceiptKeys,
}

impl SignedReceipts {
    pub fn new(receipts: PgReceipts, keys: ReceiptKeys) -> Self {
        Self { receipts, keys }
    }

    /// Returns the public keys of receipts as a JSON Web Key Set.
    pub fn key_set(&self) -> Value {
        key_set(self.keys.public())
    }

    /// Returns the receipt of an order with these checks as a compact JWS.
    pub async fn signed(&self, order: OrderId, checks: Vec<Check>) -> Result<String, Error> {
        self.sign(&self.receipt(order, checks).await?, None)
    }

    /// Returns a page with the receipt of the checks that it shows.
    pub async fn signed_page(&self, order: OrderId, checks: Vec<Check>, page: &str) -> Result<String, Error> {
        let jws = self.sign(&self.receipt(order, checks).await?, Some(PageDigests::of(page)))?;
        Ok(with_receipt(page, &jws))
    }

    fn sign(&self, receipt: &SignedReceipt, page: Option<PageDigests>) -> Result<String, Error> {
        receipt.sign(self.keys.signing(), page).map_err(|error| Error::Unavailable(SIGNATURE, error))
    }

    /// Returns the order's latest receipt if it has these checks, otherwise a new one.
    async fn receipt(&self, order: OrderId, checks: Vec<Check>) -> Result<SignedReceipt, Error> {
        let unavailable = |error| Error::Unavailable(SIGNATURE, error);
        let json = serde_json::to_vec(&checks).context("encoding checks").map_err(unavailable)?;
        let own = digest(&json);
        for _ in 0..MAX_ATTEMPTS {
            let latest = self.receipts.latest(order).await?;
            if let Some(latest) = latest.as_ref().filter(|latest| latest.checks == own) {
                let Issued { issued_at, version, previous, .. } = latest.clone();
                return Ok(SignedReceipt { order_uuid: order.uuid(), issued_at, version, previous, checks });
            }
            let receipt = SignedReceipt {
                order_uuid: order.uuid(),
                // PostgreSQL keeps microseconds.
                issued_at: clock::now().trunc_subsecs(6),
                version: SERVICE.version.to_owned(),
                previous: latest.map(|latest| latest.digest),
                checks: checks.clone(),
            };
            let content = receipt.content().context("encoding a receipt").map_err(unavailable)?;
            let issued = Issued {
                checks: own.clone(),
                issued_at: receipt.issued_at,
                version: receipt.version.clone(),
                previous: receipt.previous.clone(),
                digest: digest(&content),
            };
            if self.receipts.issue(order, &issued).await? {
                return Ok(receipt);
            }
        }
        Err(unavailable(anyhow!("other receipts of the order are issued all the time")))
    }
}
