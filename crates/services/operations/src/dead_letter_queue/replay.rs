//! What operators do with dead letters: publish them to their original topics, byte for byte, or mark them as
//! discarded.

use std::time::Duration;

use anyhow::ensure;
use contracts::proto::operations::v1::{PlanReplayResponse, Poison};
use platform::{
    auth::Author,
    clock,
    grpc::timestamp,
    kafka::{KafkaPublisher, is_too_large},
};

use super::{
    Chosen, DeadLetterQueue, Found, Progress, State,
    messages::{Again, batches, messages},
    poison::{is_from_outside, still_poison},
    refuse_own,
};
use crate::{
    dead_letters::{DeadLetter, Id},
    facts::messaging::kept_since,
    model::{Replayed, discarded},
    repository::resolved_letters::Action,
};

/// The time limit for the broker's acknowledgement of a message. After it the replay ends, and the rest stays pending.
const ACKNOWLEDGEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum number of letters that one statement records as discarded.
const BATCH_SIZE: usize = 100;

impl DeadLetterQueue {
    /// Returns what [`replay`](Self::replay) without `late` would do. The plan covers only whether a message can be
    /// decoded: a consumer may still refuse it for another reason.
    pub async fn plan(&self, chosen: &Chosen) -> anyhow::Result<PlanReplayResponse> {
        let (letters, ids) = self.choose(chosen).await?;
        let chosen = letters.iter().filter(|found| ids.contains(&found.letter.id)).map(|found| &found.letter);
        let newest = chosen.clone().map(|letter| letter.at).max().map(timestamp);
        let truncated = chosen.filter(|letter| !letter.is_whole()).count() as u64;
        let mut plan = PlanReplayResponse { newest, truncated, ..PlanReplayResponse::default() };
        let kept_since = kept_since(&self.config, clock::now());
        let messages = messages(&letters, &ids);
        let topics = self.topics.clone();
        let mut reasons = self.read_again(&firsts(&messages), move |letter| still_poison(&letter, &topics)).await?;
        for message in &messages {
            if message.discarded().is_some() {
                plan.discarded += 1;
            } else if message.oldest < kept_since {
                plan.late += 1;
            } else {
                plan.messages += 1;
                plan.letters += message.letters.len() as u64;
                let Some(letter) = message.letters.first() else { continue };
                plan.from_outside += u64::from(is_from_outside(letter.origin(), &self.topics));
                let reason = reasons.remove(&letter.id).flatten();
                plan.poison.extend(reason.map(|reason| Poison { letter: letter.id.to_string(), reason }));
            }
        }
        Ok(plan)
    }

    /// Replays the chosen letters.
    ///
    /// A message that several consumers dead-lettered is published once, which resolves the pending letters of all of
    /// them. If an operator discarded it for another consumer, it is skipped, since a replay would reach that consumer
    /// as well. The letters are recorded as resolved after the broker has acknowledged the message, so an interrupted
    /// replay may publish a message twice. A message that fails again becomes a new dead letter, which this replay does
    /// not publish.
    ///
    /// If a message's event, or one of its letters, is so old that inboxes may soon forget the event, the message is
    /// skipped unless `late` is set: consumers that have handled the event could handle it twice.
    ///
    /// Fails if a letter concerns the author's own order or customer.
    pub async fn replay(
        &self,
        chosen: &Chosen,
        late: bool,
        by: &Author,
        progress: &Progress,
    ) -> anyhow::Result<Replayed> {
        let (letters, ids) = self.choose(chosen).await?;
        refuse_own(&letters, &ids, by)?;
        let cut = letters.iter().filter(|found| ids.contains(&found.letter.id) && !found.letter.is_whole());
        let cut: Vec<&Id> = cut.map(|found| &found.letter.id).collect();
        if let (Chosen::Letters(_), Some(id)) = (chosen, cut.first()) {
            anyhow::bail!("{id} was too large to be kept in full; `shipyard dlq show {id}` tells its origin");
        }
        let mut replayed = Replayed::default();
        replayed.problems.extend(cut.first().map(|id| {
            format!("{} dead letters were too large to be kept in full, such as {id}; `shipyard dlq show` tells their origin", cut.len())
        }));
        // Nothing is published if it cannot be recorded, because this role may only read.
        self.resolved.add(&[]).await?;
        let messages = messages(&letters, &ids);
        let publisher = KafkaPublisher::within(&self.config, ACKNOWLEDGEMENT_TIMEOUT)?;
        let mut done = 0;
        progress(0, messages.len());
        for (number, batch) in batches(&messages).into_iter().enumerate() {
            let letters: Vec<&DeadLetter> = batch.iter().flat_map(|message| message.letters.iter().copied()).collect();
            let meanwhile = self.resolved_meanwhile(number, &letters).await?;
            let records = self.read_again(&firsts(batch), |letter| letter.original()).await?;
            let kept_since = kept_since(&self.config, clock::now());
            let (mut resolved, mut failure) = (Vec::new(), None);
            for message in batch {
                if let Some(reason) = message.withheld(late, kept_since, &meanwhile) {
                    replayed.problems.push(reason);
                    continue;
                }
                let Some(record) = message.letters.first().and_then(|letter| records.get(&letter.id)) else {
                    replayed.problems.push(format!("{} was pruned meanwhile", message.first()));
                    continue;
                };
                match publisher.publish_exact(record).await {
                    Ok(()) => {
                        replayed.messages += 1;
                        resolved.extend(&message.letters);
                    }
                    // The message was compressed when it was first published, and is too large without compression.
                    Err(error) if is_too_large(&error) => {
                        replayed.problems.push(format!("{} could not be replayed: {error:#}", message.first()));
                    }
                    Err(error) => {
                        failure =
                            Some(format!("{} could not be replayed, so the rest was not: {error:#}", message.first()));
                        break;
                    }
                }
            }
            replayed.letters += resolved.len();
            if !resolved.is_empty() {
                self.record(&resolved, Action::Replayed, by, "").await?;
            }
            if let Some(failure) = failure {
                replayed.problems.push(failure);
                break;
            }
            done += batch.len();
            progress(done, messages.len());
        }
        Ok(replayed)
    }

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

fn firsts<'a>(messages: &[Again<'a>]) -> Vec<&'a DeadLetter> {
    messages.iter().filter_map(|message| message.letters.first().copied()).collect()
}
