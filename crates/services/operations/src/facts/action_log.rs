//! Reads the log of operators' actions: the links of its chain, and the checkpoints.

use audit::facts::{Action, ActionLog, Checkpoint, Link, Signature};
use chrono::{DateTime, Utc};
use console::receipt_keys::{self, ReceiptKeys};
use futures::TryStreamExt as _;
use platform::config::{ConfigError, Settings};
use sqlx::FromRow;
use uuid::Uuid;

use super::snapshot;
use crate::{
    SERVICE,
    action_chain::{self, Entry},
    databases::Databases,
};

#[derive(FromRow)]
struct Row {
    id: i64,
    at: DateTime<Utc>,
    operator_uuid: Uuid,
    action: String,
    subject: String,
    result: String,
    begun: Option<i64>,
    previous: Option<String>,
    hash: Option<String>,
}

impl From<Row> for Action {
    fn from(row: Row) -> Self {
        let entry = Entry {
            id: row.id,
            at: row.at,
            operator_uuid: row.operator_uuid,
            action: &row.action,
            subject: &row.subject,
            result: &row.result,
            begun: row.begun,
        };
        let link = row.previous.zip(row.hash).map(|(previous, hash)| {
            let computed = entry.hash(&previous);
            Link { previous, hash, computed }
        });
        Self { id: row.id, link }
    }
}

#[derive(FromRow)]
struct CheckpointRow {
    action: i64,
    hash: String,
    signed_at: DateTime<Utc>,
    kid: String,
    signature: Vec<u8>,
}

/// The keys that verify checkpoints.
pub struct Keys {
    keys: Result<ReceiptKeys, ConfigError>,
    /// False if `RECEIPT_KEY` is not set: the shop may then sign with a key that the caller does not know.
    are_the_shops: bool,
}

impl Keys {
    /// Reads the keys. Unless a variable says that it is in production, a tool accepts the published key, with which
    /// `cargo run` signs.
    pub fn load(settings: &Settings) -> Self {
        let keys = ReceiptKeys::load(&settings.clone().for_shared_process());
        Self { keys, are_the_shops: settings.get(receipt_keys::KEY).is_some() }
    }

    fn verify(&self, checkpoint: &action_chain::Checkpoint) -> Signature {
        match self.keys.as_ref().map(|keys| checkpoint.verify(keys)) {
            Ok(Signature::OtherKey(key)) if !self.are_the_shops => {
                Signature::NotVerified(format!("is not verified: it is signed with {key}, and RECEIPT_KEY is not set"))
            }
            Ok(signature) => signature,
            Err(error) => Signature::NotVerified(format!("is not verified: {error}")),
        }
    }
}

/// Reads the log, and verifies the signatures of its checkpoints.
pub async fn read(databases: &Databases, keys: &Keys) -> anyhow::Result<ActionLog> {
    let mut database = snapshot(databases, &SERVICE).await?;
    let rows = "select id, at, operator_uuid, action, subject, result, begun, previous, hash from actions order by id";
    let rows = sqlx::query_as::<_, Row>(rows).fetch(&mut database);
    let actions: Vec<Action> = rows.map_ok(Action::from).try_collect().await?;
    let rows = "select action, hash, signed_at, kid, signature from action_checkpoints order by action";
    let rows: Vec<CheckpointRow> = sqlx::query_as(rows).fetch_all(&mut database).await?;
    let checkpoints = rows.into_iter().map(|row| checkpoint(row, keys)).collect();
    let last = sqlx::query_scalar("select hash from action_chain").fetch_one(&mut database).await?;
    Ok(ActionLog { actions, checkpoints, last })
}

fn checkpoint(row: CheckpointRow, keys: &Keys) -> Checkpoint {
    let CheckpointRow { action, hash, signed_at, kid, signature } = row;
    let signed = action_chain::Checkpoint { action, hash, signed_at, kid, signature };
    let signature = keys.verify(&signed);
    Checkpoint { action, hash: signed.hash, at: signed_at, signature }
}
