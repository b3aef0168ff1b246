//! Marks dead letters as discarded, and records the operator and the reason.

use anyhow::ensure;
use platform::auth::Author;

use super::{Chosen, DeadLetterQueue, Found, Progress, State, refuse_own};
use crate::{dead_letters::DeadLetter, model::discarded, repository::resolved_letters::Action};

/// The maximum number of letters that one statement records.
const BATCH_SIZE: usize = 100;

impl DeadLetterQueue {
    /// Discards the chosen letters. Audits mention the reason `why`. If one letter cannot be discarded, or concerns the
    /// author's own order or customer, none is. Returns the result as a sentence.
    pub async fn discard(
        &self,
        chosen: &Chosen,
        by: &Author,
        why: &str,
        progress: &Progress,
    ) -> anyhow::Result<String> {
        let why = why.trim();
        ensure!(!why.is_empty(), "why: a reason is missing");
        let (letters, ids) = self.choose(chosen).await?;
        refuse_own(&letters, &ids, by)?;
        let chosen: Vec<&Found> = letters.iter().filter(|found| ids.contains(&found.letter.id)).collect();
        // If the replayed message failed again, it is a new dead letter.
        let replayed = chosen.iter().find(|found| matches!(found.state, State::Replayed(_)));
        if let Some(Found { letter, .. }) = replayed {
            anyhow::bail!(
                "{} was replayed; if it failed again, `shipyard dlq list` shows a new dead letter",
                letter.id
            );
        }
        let discards: Vec<&DeadLetter> = chosen.into_iter().map(|found| &found.letter).collect();
        progress(0, discards.len());
        let mut count = 0;
        for (number, batch) in discards.chunks(BATCH_SIZE).enumerate() {
            let resolved = self.resolved_meanwhile(number, batch).await?;
            let open: Vec<&DeadLetter> = batch.iter().copied().filter(|letter| resolved.of(letter).is_none()).collect();
            if !open.is_empty() {
                self.record(&open, Action::Discarded, by, why).await?;
            }
            count += open.len();
            progress((number * BATCH_SIZE + batch.len()).min(discards.len()), discards.len());
        }
        Ok(discarded(count))
    }
}
