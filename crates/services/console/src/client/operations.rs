//! What the program gives the console that needs more than the console's own database: receipts, from the rules of the audit.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use contracts::ids::OrderId;
use platform::config::Settings;
use serde::Serialize;

use crate::model::Record;

/// Whether an invariant holds for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    Held,
    /// It cannot be said yet: work is under way, or a database does not answer.
    Open,
    Violated,
}

/// One line of a receipt.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub invariant: String,
    pub text: String,
    pub state: CheckState,
    /// The rows and records that show it, or the row and reason of a violation.
    pub evidence: Vec<String>,
}

#[async_trait]
pub trait Operations: Send + Sync {
    /// Checks every invariant that concerns the order. `records` are those of the topics with the order's key.
    async fn receipt(&self, order: OrderId, records: Vec<Record>) -> anyhow::Result<Vec<Check>>;
}

/// Makes the operations from the variables of the process.
pub type Make = fn(&Settings) -> Arc<dyn Operations>;

static MAKE: OnceLock<Make> = OnceLock::new();

/// Gives this process operations. The program `shipyard` does it before it starts a service, since the audit, which depends on every
/// service, cannot be a dependency of one. The first call counts.
pub fn provide(make: Make) {
    let _ = MAKE.set(make);
}

/// Returns the operations of this process.
pub fn operations(settings: &Settings) -> Arc<dyn Operations> {
    MAKE.get().map_or_else(nothing, |make| make(settings))
}

/// Returns the operations of a process that may not read the other services' databases.
pub fn nothing() -> Arc<dyn Operations> {
    Arc::new(Nothing)
}

struct Nothing;

#[async_trait]
impl Operations for Nothing {
    async fn receipt(&self, _: OrderId, _: Vec<Record>) -> anyhow::Result<Vec<Check>> {
        anyhow::bail!("this process may not read the databases of the other services")
    }
}
