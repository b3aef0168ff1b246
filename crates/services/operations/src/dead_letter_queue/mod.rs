//! The dead-letter queue: the dead letters of all topics with their states, and the operators' actions on them.

mod messages;
mod page;
mod poison;
mod read_again;
mod replay;

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Context as _;
use audit::facts;
use contracts::events::{ROUTES, Topics};
use futures::future::join_all;
use platform::{
    auth::Author,
    config::Settings,
    kafka::{self, Reader, dead_letter_topic},
};

pub use self::{
    page::{payload, shown},
    poison::still_poison,
};
use crate::{
    SERVICE,
    dead_letters::{self, DeadLetter, Id},
    import_journal,
    model::Filter,
    repository::resolved_letters::{Action, Resolved, ResolvedLetter, ResolvedLetters},
};

/// The consumer group that reads the dead letters; it commits no offsets. Also the application name in PostgreSQL.
const GROUP: &str = "shipyard-dlq";

/// A progress callback: how many letters are done, and their total.
pub type Progress = Arc<dyn Fn(usize, usize) + Send + Sync>;

/// The dead letters that an action applies to.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// These letters, even if they are resolved.
    Letters(Vec<Id>),
    /// The pending letters that match.
    Matching(Filter),
}

/// A dead letter and its state. Only [`DeadLetterQueue::letter`] returns the payload.
#[derive(Clone, Debug)]
pub struct Found {
    pub letter: DeadLetter,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Replayed(ResolvedLetter),
    Discarded(ResolvedLetter),
}

impl State {
    fn new(letter: &DeadLetter, resolved: &Resolved) -> Self {
        let row = resolved.of(letter).cloned();
        row.map_or(Self::Pending, |row| match row.action {
            Action::Replayed => Self::Replayed(row),
            Action::Discarded => Self::Discarded(row),
        })
    }
}

pub struct DeadLetterQueue {
    pub config: kafka::Config,
    pub topics: Topics,
    resolved: ResolvedLetters,
    reader: Arc<Reader>,
}

impl DeadLetterQueue {
    /// Fails if `OPERATIONS_DATABASE_URL` is missing. Actions need the service's own role there; a role that may only
    /// read is enough for everything else.
    pub fn from_settings(settings: &Settings) -> anyhow::Result<Self> {
        let config = kafka::Config::load(settings)?;
        let resolved = ResolvedLetters::new(SERVICE.pool(GROUP, 1, settings)?);
        Self::new(config, settings.read()?, resolved)
    }

    pub fn new(config: kafka::Config, topics: Topics, resolved: ResolvedLetters) -> anyhow::Result<Self> {
        let reader = Arc::new(Reader::new(&config, GROUP)?);
        Ok(Self { config, topics, resolved, reader })
    }

    /// Returns the dead letters of one topic, or of all topics, oldest first and without their payloads.
    pub async fn letters(&self, topic: Option<&str>) -> anyhow::Result<Vec<Found>> {
        let topics = self.topics.all();
        if let Some(topic) = topic {
            anyhow::ensure!(
                topics.contains(&topic),
                "{topic} is not a topic of this shop; there are {}",
                topics.join(", ")
            );
        }
        let wanted = topics.into_iter().filter(|one| topic.is_none_or(|topic| *one == topic));
        let reading = wanted.map(dead_letter_topic).map(|topic| {
            let (reader, names) = (self.reader.clone(), self.topics.clone());
            async move {
                let reading = tokio::task::spawn_blocking(move || {
                    dead_letters::read(&reader, &topic, |letter| {
                        let kind = kind(&letter, &names);
                        letter.without_payload(kind)
                    })
                });
                reading.await.context("reading the dead-letter topics")?
            }
        });
        // If a read fails, the others are awaited, too: they cannot be stopped, and hold what they have read in memory.
        let read = join_all(reading).await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        // A topic that does not exist holds no letters.
        let letters: Vec<DeadLetter> = read.into_iter().flatten().flatten().collect();
        let mut resolved = self.resolved.of(&letters.iter().collect::<Vec<_>>()).await?;
        resolved.complete(import_journal::read(&self.config).await?);
        let mut all: Vec<Found> =
            letters.into_iter().map(|letter| Found { state: State::new(&letter, &resolved), letter }).collect();
        all.sort_by_key(|found| found.letter.at);
        Ok(all)
    }

    /// Returns the letters that operators have discarded, including pruned ones, as facts of an audit.
    pub async fn discarded(&self) -> anyhow::Result<Vec<facts::Discarded>> {
        Ok(self.resolved.all().await?.discarded())
    }

    /// Returns which letters of a batch other operators have resolved since the action began. `number` counts batches
    /// from 0; the letters of the first one were read just before.
    async fn resolved_meanwhile(&self, number: usize, batch: &[&DeadLetter]) -> anyhow::Result<Resolved> {
        if number == 0 { Ok(Resolved::default()) } else { self.resolved.of(batch).await }
    }

    /// Records that the operator `by` has resolved these letters.
    async fn record(&self, letters: &[&DeadLetter], action: Action, by: &Author, why: &str) -> anyhow::Result<()> {
        let row = |letter: &&DeadLetter| ResolvedLetter::now(letter, self.kind(letter), action, by, why);
        self.resolved.add(&letters.iter().map(row).collect::<Vec<_>>()).await
    }

    /// Returns the dead letter with this id, including its payload.
    pub async fn letter(&self, id: &Id) -> anyhow::Result<Found> {
        let letters = self.letters(Some(kafka::original_topic(&id.topic))).await?;
        let found = letters.into_iter().find(|found| found.letter.id == *id).with_context(|| unknown(id))?;
        let letter = self.read_again(&[&found.letter], |letter| letter).await?.remove(id);
        Ok(Found { letter: letter.with_context(|| unknown(id))?, ..found })
    }

    /// Returns the event type of the letter's original topic; empty if no route has this topic.
    pub fn kind(&self, letter: &DeadLetter) -> &'static str {
        kind(letter, &self.topics)
    }

    /// Returns all letters of the topics concerned, and the ids of the chosen ones.
    async fn choose(&self, chosen: &Chosen) -> anyhow::Result<(Vec<Found>, BTreeSet<Id>)> {
        match chosen {
            Chosen::Letters(ids) => {
                let letters = self.letters(None).await?;
                for id in ids {
                    anyhow::ensure!(letters.iter().any(|found| found.letter.id == *id), unknown(id));
                }
                Ok((letters, ids.iter().cloned().collect()))
            }
            Chosen::Matching(filter) => {
                let letters = self.letters(filter.topic.as_deref()).await?;
                let pending = letters.iter().filter(|found| found.state == State::Pending);
                let matching = pending.filter(|found| self.matches(filter, found));
                let ids = matching.map(|found| found.letter.id.clone()).collect();
                Ok((letters, ids))
            }
        }
    }
}

fn kind(letter: &DeadLetter, topics: &Topics) -> &'static str {
    let route = ROUTES.iter().find(|route| route.topic(topics) == letter.origin());
    route.map(|route| route.kind).unwrap_or_default()
}

/// Fails if the author is a user whom one of the chosen letters concerns. A letter that cannot be decoded names no
/// user.
fn refuse_own(letters: &[Found], chosen: &BTreeSet<Id>, by: &Author) -> anyhow::Result<()> {
    let is_own = |letter: &DeadLetter| letter.user().is_some_and(|user| by.is_user(user));
    let own = letters.iter().find(|found| chosen.contains(&found.letter.id) && is_own(&found.letter));
    if let Some(Found { letter, .. }) = own {
        anyhow::bail!("SELF_DEALING: {} concerns the operator's own order; another operator must decide it", letter.id);
    }
    Ok(())
}

fn unknown(id: &Id) -> String {
    format!("there is no dead letter {id}; see `shipyard dlq list --all`")
}
