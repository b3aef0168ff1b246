//! Records resolved dead letters in the journal.

use platform::auth::Author;

use super::DeadLetterQueue;
use crate::{
    dead_letter_journal::{Action, Entry, Writer},
    dead_letters::DeadLetter,
};

pub struct Recorder<'a> {
    queue: &'a DeadLetterQueue,
    journal: Writer,
    by: &'a Author,
}

impl<'a> Recorder<'a> {
    pub async fn begin(queue: &'a DeadLetterQueue, by: &'a Author) -> anyhow::Result<Self> {
        Ok(Self { queue, journal: Writer::open(&queue.config).await?, by })
    }

    pub async fn record(&self, letters: &[&DeadLetter], action: Action, why: &str) -> anyhow::Result<()> {
        let entry = |letter: &&DeadLetter| Entry::now(letter, self.queue.kind(letter), action, self.by, why);
        self.journal.add(&letters.iter().map(entry).collect::<Vec<_>>()).await
    }
}
