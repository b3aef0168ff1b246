//! Checkpoints of the log of operators' actions: each hour the end of its chain is signed.

use console::receipt_keys::ReceiptKeys;
use platform::jobs::Done;

use crate::{action_chain::Checkpoint, repository::PgActions};

#[derive(Clone)]
pub struct Checkpoints {
    rows: PgActions,
    keys: ReceiptKeys,
}

impl Checkpoints {
    pub fn new(rows: PgActions, keys: ReceiptKeys) -> Self {
        Self { rows, keys }
    }

    /// Signs the end of the chain if an hour has passed since the last signature, and rows were added since. Every
    /// replica may do so: of two signatures of one row, the first is stored.
    pub async fn sign(&self) -> anyhow::Result<Done> {
        let Some((action, hash, at)) = self.rows.to_be_signed().await? else { return Ok(Done::default()) };
        let checkpoint = Checkpoint::sign(&self.keys, action, hash, at)?;
        if !self.rows.add_checkpoint(&checkpoint).await? {
            return Ok(Done::default());
        }
        // An attacker who rewrites the database cannot rewrite the log's collector.
        tracing::info!(
            action,
            hash = checkpoint.hash,
            kid = checkpoint.kid,
            "the log of operators' actions was signed"
        );
        Ok(Done { count: 1, more: false })
    }
}
