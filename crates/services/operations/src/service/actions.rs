//! Actions of operators. Before an action starts, a row is written to the log, even if the action then fails; an action
//! whose row cannot be written is refused. A second row records the end, even if a long action ends because the service
//! stops.

use console::receipt_keys::ReceiptKeys;
use contracts::ids::UserId;
use platform::{
    auth::{role_used_on, role_used_on_name},
    error_chain,
    jobs::Done,
};
use prost::Message;

use super::long_actions::{LongActions, OnProgress, recorded};
use crate::{
    action_chain::Checkpoint,
    error::Error,
    metrics,
    repository::{Action, PgActions, PgWork},
};

/// The maximum number of characters of the subject or the result of an action in the log, which is kept permanently.
const MAX_RECORDED_CHARS: usize = 1_000;

#[derive(Clone)]
pub struct Actions {
    rows: PgActions,
    long: LongActions,
}

/// An action that continues after its response.
pub struct LongAction {
    pub operator: UserId,
    /// The title of the action, such as `Replaying dead letters`.
    pub title: &'static str,
    /// The action's name in the log and in the metric.
    pub action: &'static str,
    /// The ids and topics that the action is applied to.
    pub subject: String,
    /// The message of the refusal while another action of this kind runs.
    pub busy: &'static str,
}

impl Actions {
    pub fn new(rows: PgActions, long: LongActions) -> Self {
        Self { rows, long }
    }

    /// Writes the start of an action to the log, and returns the row's id. If this fails, the action must not start.
    pub async fn begin(&self, operator: UserId, action: &'static str, subject: &str) -> Result<i64, Error> {
        if let Ok(object) = subject.parse() {
            role_used_on(object);
        }
        let begun = self.rows.begin(operator, action, &storable(subject)).await?;
        metrics::acted(action);
        Ok(begun)
    }

    /// Writes the end of the operator's action that began with the row `begun`.
    pub async fn end(&self, operator: UserId, begun: i64, result: &str) -> Result<(), Error> {
        let is_written = self.rows.end(operator, begun, &storable(result)).await?;
        if is_written { Ok(()) } else { Err(Error::ActionNotFound) }
    }

    /// Returns the latest rows, or those of one operator, the newest first.
    pub async fn list(&self, operator: Option<UserId>, limit: i64) -> Result<Vec<Action>, Error> {
        match operator {
            Some(operator) => self.rows.of_operator(operator, limit).await,
            None => self.rows.latest(limit).await,
        }
    }

    /// Begins the action as a task. `said` converts its result to the text for the log. Fails with [`Error::Busy`]
    /// while another action of this kind runs, in any replica.
    pub async fn begin_long<T, F>(
        &self,
        action: LongAction,
        work: &PgWork,
        act: impl FnOnce(OnProgress) -> F + Send + 'static,
        said: impl FnOnce(&T) -> String + Send + 'static,
    ) -> Result<(), Error>
    where
        T: Message + 'static,
        F: Future<Output = anyhow::Result<T>> + Send + 'static,
    {
        let LongAction { operator, title, action, subject, busy } = action;
        let run = work.begin(title).await?.ok_or(Error::Busy(busy))?;
        if !subject.is_empty() {
            role_used_on_name(&subject);
        }
        let begun = match self.begin(operator, action, &subject).await {
            Ok(begun) => begun,
            Err(error) => {
                run.end::<T>(Err("it was not written into the log of actions".to_owned())).await?;
                return Err(error);
            }
        };
        let own = self.clone();
        self.long.spawn(recorded(run.clone(), act), move |result| async move {
            let text = match &result {
                Ok(done) => said(done),
                Err(error) => format!("{error:#}"),
            };
            // The action is done already.
            if let Err(error) = own.end(operator, begun, &text).await {
                tracing::error!(begun, error = error_chain(error), "the end of an operator's action was not recorded");
            }
            if let Err(error) = run.end(result.map_err(|_| storable(&text))).await {
                tracing::error!(begun, error = error_chain(error), "the result of a long action was not recorded");
            }
        });
        Ok(())
    }
}

/// Returns at most [`MAX_RECORDED_CHARS`] of a text, without control characters: PostgreSQL cannot store U+0000.
fn storable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_RECORDED_CHARS).collect()
}

/// Checkpoints of the log: each hour the end of its chain is signed.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_a_thousand_characters_and_no_control_characters() {
        assert_eq!(storable("B\u{0}ob\n"), "Bob");
        assert_eq!(storable(&"ä".repeat(2_000)).chars().count(), 1_000);
    }
}
