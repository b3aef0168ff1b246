//! `dlq discard`: marks dead letters as discarded, and records by whom and why.

use anyhow::{Context as _, ensure};

use super::{
    DeadLetterQueue, Found, State,
    recorder::{Recorder, who},
};
use operations::dead_letter_journal::Action;
use operations::dead_letters::{DeadLetter, Id};

/// How many letters one write to the journal records.
const BATCH: usize = 100;

/// Discards the named letters, or all pending letters of a topic. If one of them cannot be discarded, none is.
pub async fn discard(
    queue: &DeadLetterQueue,
    named: &[Id],
    topic: Option<&str>,
    why: &str,
    said: Option<String>,
) -> anyhow::Result<()> {
    let why = why.trim();
    ensure!(!why.is_empty(), "give the reason with --why");
    let who = who(said).context("the user is unknown: name the operator with --who")?;
    let letters = queue.letters(topic).await?;
    let chosen = chosen(&letters, named)?;
    let mut recorder = Recorder::begin(queue, &letters, who).await?;
    let progress = super::progress(chosen.len() as u64);
    for letters in chosen.chunks(BATCH) {
        progress.set_message(letters.first().map(|letter| letter.id.to_string()).unwrap_or_default());
        recorder.record(letters, Action::Discarded, why).await?;
        progress.inc(letters.len() as u64);
    }
    progress.finish_and_clear();
    println!("{} dead letters discarded", chosen.len());
    Ok(())
}

/// Returns the letters to discard. A replayed letter is rejected: if the replay failed, there is a new dead letter.
fn chosen<'a>(letters: &'a [Found], named: &[Id]) -> anyhow::Result<Vec<&'a DeadLetter>> {
    if named.is_empty() {
        let pending = letters.iter().filter(|found| found.state == State::Pending);
        return Ok(pending.map(|found| &found.letter).collect());
    }
    let mut chosen = Vec::new();
    for id in named {
        let found = letters.iter().find(|found| found.letter.id == *id);
        let found = found.with_context(|| format!("there is no dead letter {id}; see `shipyard dlq list --all`"))?;
        ensure!(
            !matches!(found.state, State::Replayed(_)),
            "{id} was replayed; if it failed again, `shipyard dlq list` shows a new dead letter"
        );
        chosen.push(&found.letter);
    }
    Ok(chosen)
}
