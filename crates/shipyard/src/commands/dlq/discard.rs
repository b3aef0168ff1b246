//! `dlq discard`: letters are put aside for good, and it is written down by whom and why.

use anyhow::{Context as _, ensure};

use super::{
    Found, Post, State,
    settle::{Settling, who},
};
use operations::dead_letter_journal::Action;
use operations::dead_letters::{Id, Letter};

/// How many letters one entry of the progress is about.
const BATCH: usize = 100;

/// Discards the named letters, or without names all of a topic that wait. Nothing is written unless all can be.
pub async fn discard(
    post: &Post,
    named: &[Id],
    topic: Option<&str>,
    why: &str,
    said: Option<String>,
) -> anyhow::Result<()> {
    let why = why.trim();
    ensure!(!why.is_empty(), "say with --why for what reason");
    let who = who(said).context("it cannot be told who does this: say it with --who")?;
    let letters = post.letters(topic).await?;
    let chosen = chosen(&letters, named)?;
    let mut settling = Settling::begin(post, &letters, who).await?;
    let progress = super::progress(chosen.len() as u64);
    for letters in chosen.chunks(BATCH) {
        progress.set_message(letters.first().map(|letter| letter.id.to_string()).unwrap_or_default());
        settling.settle(letters, Action::Discarded, why).await?;
        progress.inc(letters.len() as u64);
    }
    progress.finish_and_clear();
    println!("{} letters discarded", chosen.len());
    Ok(())
}

/// The letters that are meant. One that was sent again is none of them: whether that helped is another letter's business.
fn chosen<'a>(letters: &'a [Found], named: &[Id]) -> anyhow::Result<Vec<&'a Letter>> {
    if named.is_empty() {
        let waiting = letters.iter().filter(|found| found.state == State::Waiting);
        return Ok(waiting.map(|found| &found.letter).collect());
    }
    let mut chosen = Vec::new();
    for id in named {
        let found = letters.iter().find(|found| found.letter.id == *id);
        let found = found.with_context(|| format!("there is no letter {id}; `shipyard dlq list --all` names all"))?;
        ensure!(
            !matches!(found.state, State::Replayed(_)),
            "{id} was replayed; if that failed again, another letter waits, and `shipyard dlq list` names it"
        );
        chosen.push(&found.letter);
    }
    Ok(chosen)
}
