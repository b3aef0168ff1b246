//! `shipyard dlq`: lists, shows, replays, discards and prunes dead letters.

mod discard;
mod list;
mod prune;
mod recorder;
mod replay;
mod replay_offsets;
mod show;

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Context as _;
use clap::Subcommand;
use contracts::events::{ROUTES, Topics};
use indicatif::{ProgressBar, ProgressStyle};
use platform::{
    config::Settings,
    kafka::{self, Reader, dead_letter_topic},
};

use self::replay_offsets::ReplayOffsets;
use crate::data::Data;
use operations::dead_letter_journal::{Action, Entry, Journal};
use operations::dead_letters::{self, DeadLetter, Id};

/// The consumer group whose committed offsets record which letters are resolved.
const GROUP: &str = "shipyard-dlq";

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the dead letters: event type, error, age
    List {
        /// Only dead letters from this topic, such as order.paid
        #[arg(long)]
        topic: Option<String>,
        /// Include replayed and discarded dead letters
        #[arg(long)]
        all: bool,
    },
    /// Show one dead letter with its headers and payload
    Show {
        /// Id as shown by `list`, such as order.paid.dlq/0/17
        letter: Id,
    },
    /// Publish dead letters to their original topics again, unchanged. Safe to repeat: consumers ignore events that they have handled
    Replay {
        /// Ids as shown by `list`
        #[arg(required_unless_present = "all")]
        letters: Vec<Id>,
        /// Replay every pending dead letter
        #[arg(long, conflicts_with = "letters")]
        all: bool,
        /// With --all, only dead letters from this topic
        #[arg(long, requires = "all")]
        topic: Option<String>,
        /// Include dead letters older than the inbox retention: a consumer that has handled such an event will handle it twice
        #[arg(long)]
        late: bool,
        /// Name of the person who replays the dead letters (default: the user who is logged in)
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Discard dead letters whose effect is no longer wanted or was made by hand. Audits mention them, and `list --all` shows them
    Discard {
        /// Ids as shown by `list`
        #[arg(required_unless_present = "all")]
        letters: Vec<Id>,
        /// Discard every pending dead letter of a topic
        #[arg(long, conflicts_with = "letters", requires = "topic")]
        all: bool,
        /// With --all, only dead letters from this topic
        #[arg(long, requires = "all")]
        topic: Option<String>,
        /// Reason, which `list --all` shows
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Name of the person who discards the dead letters (default: the user who is logged in)
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Delete resolved dead letters, up to the first pending one of each partition
    Prune {
        /// Only dead letters from this topic, such as order.paid
        #[arg(long)]
        topic: Option<String>,
    },
}

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(Settings::load()?);
    let queue = DeadLetterQueue::of(&settings).with_context(|| data.advice())?;
    match arguments.command {
        Command::List { topic, all } => list::list(&queue, topic.as_deref(), all).await,
        Command::Show { letter } => show::show(&queue, &letter).await,
        Command::Replay { letters, topic, late, who, .. } => {
            replay::replay(&queue, &letters, topic.as_deref(), late, who).await
        }
        Command::Discard { letters, topic, why, who, .. } => {
            discard::discard(&queue, &letters, topic.as_deref(), &why, who).await
        }
        Command::Prune { topic } => prune::prune(&queue, topic.as_deref()).await,
    }
}

/// A dead letter and its state.
struct Found {
    letter: DeadLetter,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Pending,
    /// The letter was replayed. `None` if an earlier version, which wrote no journal, replayed it.
    Replayed(Option<Entry>),
    Discarded(Entry),
}

impl State {
    fn of(letter: &DeadLetter, journal: &Journal, settled: &ReplayOffsets) -> Self {
        match journal.of(letter) {
            Some(entry) if entry.action == Action::Discarded => Self::Discarded(entry.clone()),
            Some(entry) => Self::Replayed(Some(entry.clone())),
            None if settled.contains(&letter.id) => Self::Replayed(None),
            None => Self::Pending,
        }
    }
}

/// Access to the dead-letter topics.
struct DeadLetterQueue {
    config: kafka::Config,
    topics: Topics,
    reader: Arc<Reader>,
}

impl DeadLetterQueue {
    fn of(settings: &Settings) -> anyhow::Result<Self> {
        let config = kafka::Config::load(settings)?;
        let reader = Arc::new(Reader::new(&config, GROUP)?);
        Ok(Self { config, topics: settings.read()?, reader })
    }

    /// Returns the dead letters of one topic, or of all topics, the oldest first.
    async fn letters(&self, topic: Option<&str>) -> anyhow::Result<Vec<Found>> {
        let topics = self.topics.all();
        if let Some(topic) = topic {
            anyhow::ensure!(
                topics.contains(&topic),
                "{topic} is no topic of this shop; there are {}",
                topics.join(", ")
            );
        }
        let wanted = topics.into_iter().filter(|one| topic.is_none_or(|topic| *one == topic));
        let wanted: Vec<String> = wanted.map(dead_letter_topic).collect();
        let (reader, config) = (self.reader.clone(), self.config.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let journal = Journal::read(&reader, &config)?;
            let mut all = Vec::new();
            for topic in wanted {
                // A topic that does not exist holds no letters.
                let letters = dead_letters::read(&reader, &topic)?.unwrap_or_default();
                let partitions: BTreeSet<i32> = letters.iter().map(|letter| letter.id.partition).collect();
                let settled = ReplayOffsets::of(&reader, &topic, &Vec::from_iter(partitions))?;
                all.extend(letters.into_iter().map(|letter| {
                    let state = State::of(&letter, &journal, &settled);
                    Found { letter, state }
                }));
            }
            anyhow::Ok(all)
        });
        let mut all = reading.await.context("reading the dead-letter topics")??;
        all.sort_by_key(|found| found.letter.at);
        Ok(all)
    }

    /// Returns the dead letter with this id.
    async fn letter(&self, id: &Id) -> anyhow::Result<Found> {
        let letters = self.letters(Some(id.topic.strip_suffix(".dlq").unwrap_or(&id.topic))).await?;
        let found = letters.into_iter().find(|found| found.letter.id == *id);
        found.with_context(|| format!("there is no dead letter {id}; see `shipyard dlq list --all`"))
    }

    /// Returns the event type of the letter's original topic. The text is empty if no route has this topic.
    fn kind(&self, letter: &DeadLetter) -> &'static str {
        let route = ROUTES.iter().find(|route| route.topic(&self.topics) == letter.origin());
        route.map(|route| route.kind).unwrap_or_default()
    }
}

fn progress(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{pos:>6} of {len} {bar:30} {msg}");
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
