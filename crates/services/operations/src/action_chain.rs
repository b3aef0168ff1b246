//! The chain of the log of operators' actions: each row has the hash of its content and of the hash of the row before.
//! A checkpoint is the signed hash of a row, and so of all rows up to it.

use anyhow::anyhow;
use audit::facts::Signature;
use chrono::{DateTime, Utc};
use console::receipt_keys::ReceiptKeys;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Distinguishes checkpoints from receipts, which the same key signs.
const PURPOSE: &str = "shipyard-actions";

/// The content of a row.
pub struct Entry<'a> {
    pub id: i64,
    /// In microseconds, as PostgreSQL keeps it.
    pub at: DateTime<Utc>,
    pub operator_uuid: Uuid,
    pub action: &'a str,
    pub subject: &'a str,
    pub result: &'a str,
    /// In the row of an action's end: the row of its beginning.
    pub begun: Option<i64>,
}

impl Entry<'_> {
    /// Returns the hash of the row after the one with the hash `previous`, which is empty for the first row.
    pub fn hash(&self, previous: &str) -> String {
        let Self { id, at, operator_uuid, action, subject, result, begun } = self;
        let at = at.timestamp_micros();
        // Different contents have different JSON texts.
        let content = json!([previous, id, at, operator_uuid, action, subject, result, begun]).to_string();
        hex::encode(Sha256::digest(content))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub action: i64,
    /// The hash of the row.
    pub hash: String,
    pub signed_at: DateTime<Utc>,
    /// The thumbprint of the key.
    pub kid: String,
    /// An ES256 signature in the form of JOSE.
    pub signature: Vec<u8>,
}

impl Checkpoint {
    pub fn sign(keys: &ReceiptKeys, action: i64, hash: String, signed_at: DateTime<Utc>) -> anyhow::Result<Self> {
        let message = message(action, &hash, signed_at);
        let signature = keys.signing().sign(message.as_bytes()).map_err(|_| anyhow!("the system has no randomness"))?;
        let (kid, signature) = (keys.signing().public().kid.clone(), signature.as_ref().to_vec());
        Ok(Self { action, hash, signed_at, kid, signature })
    }

    pub fn verify(&self, keys: &ReceiptKeys) -> Signature {
        let Some(key) = keys.public().iter().find(|key| key.kid == self.kid) else {
            return Signature::OtherKey(self.kid.clone());
        };
        let message = message(self.action, &self.hash, self.signed_at);
        let verified = key.verify(message.as_bytes(), &self.signature);
        if verified.is_ok() { Signature::Valid } else { Signature::Invalid }
    }
}

fn message(action: i64, hash: &str, signed_at: DateTime<Utc>) -> String {
    json!([PURPOSE, action, hash, signed_at.timestamp_micros()]).to_string()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn entry() -> Entry<'static> {
        Entry {
            id: 2,
            at: DateTime::UNIX_EPOCH,
            operator_uuid: Uuid::from_u128(7),
            action: "restock",
            subject: "wing",
            result: "done",
            begun: Some(1),
        }
    }

    #[test]
    fn the_hash_covers_the_row_before_and_each_column() {
        let at = DateTime::UNIX_EPOCH + TimeDelta::microseconds(1);
        let changed = [
            Entry { id: 3, ..entry() },
            Entry { at, ..entry() },
            Entry { operator_uuid: Uuid::from_u128(8), ..entry() },
            Entry { action: "courier", ..entry() },
            Entry { subject: "engine", ..entry() },
            Entry { result: "failed", ..entry() },
            Entry { begun: None, ..entry() },
            Entry { action: "restock\",\"wing", subject: "", ..entry() },
        ];
        let mut hashes: Vec<String> = changed.iter().map(|entry| entry.hash("a")).collect();
        hashes.extend([entry().hash("a"), entry().hash("b")]);
        let count = hashes.len();

        hashes.sort();
        hashes.dedup();

        assert_eq!(hashes.len(), count);
    }
}
