//! `shipyard dlq`: the messages that no consumer could handle, looked at, sent again, discarded and removed.

mod discard;
mod list;
mod marks;
mod prune;
mod replay;
mod settle;
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

use self::marks::Settled;
use crate::data::Data;
use operations::dead_letter_journal::{Action, Entry, Journal};
use operations::dead_letters::{self, Id, Letter};

/// The group whose offsets say which letters have been replayed.
const GROUP: &str = "shipyard-dlq";

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What lies in the dead-letter topics: what, why, since when.
    List {
        /// Letters from this topic alone, such as order.paid.
        #[arg(long)]
        topic: Option<String>,
        /// Those too that have been replayed or discarded.
        #[arg(long)]
        all: bool,
    },
    /// One letter whole: headers and payload.
    Show {
        /// As `list` names it, such as order.paid.dlq/0/17.
        letter: Id,
    },
    /// Send letters again to the topics from which they came, as they were. Safe to repeat: a consumer takes an event once.
    Replay {
        /// As `list` names them.
        #[arg(required_unless_present = "all")]
        letters: Vec<Id>,
        /// Every letter that `list` shows.
        #[arg(long, conflicts_with = "letters")]
        all: bool,
        /// With --all, letters from this topic alone.
        #[arg(long, requires = "all")]
        topic: Option<String>,
        /// Letters too that are older than the consumers' inboxes: a consumer that took the event then takes it again.
        #[arg(long)]
        late: bool,
        /// Who does this; else the user who is logged in.
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Put letters aside for good: their effect is not wanted any more, or was made by hand. Audits know it, and `list --all` tells.
    Discard {
        /// As `list` names them.
        #[arg(required_unless_present = "all")]
        letters: Vec<Id>,
        /// Every letter from a topic that waits.
        #[arg(long, conflicts_with = "letters", requires = "topic")]
        all: bool,
        /// With --all, the topic from which they came.
        #[arg(long, requires = "all")]
        topic: Option<String>,
        /// For what reason.
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Who does this; else the user who is logged in.
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Remove the letters that have been replayed or discarded, up to the first of each topic that waits.
    Prune {
        /// Letters from this topic alone, such as order.paid.
        #[arg(long)]
        topic: Option<String>,
    },
}

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(Settings::load()?);
    let post = Post::of(&settings).with_context(|| data.advice())?;
    match arguments.command {
        Command::List { topic, all } => list::list(&post, topic.as_deref(), all).await,
        Command::Show { letter } => show::show(&post, &letter).await,
        Command::Replay { letters, topic, late, who, .. } => {
            replay::replay(&post, &letters, topic.as_deref(), late, who).await
        }
        Command::Discard { letters, topic, why, who, .. } => {
            discard::discard(&post, &letters, topic.as_deref(), &why, who).await
        }
        Command::Prune { topic } => prune::prune(&post, topic.as_deref()).await,
    }
}

/// A letter, and what has become of it.
struct Found {
    letter: Letter,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    /// Sent again; nothing more is known of one that was sent by an earlier version.
    Replayed(Option<Entry>),
    Discarded(Entry),
}

impl State {
    fn of(letter: &Letter, journal: &Journal, settled: &Settled) -> Self {
        match journal.of(letter) {
            Some(entry) if entry.action == Action::Discarded => Self::Discarded(entry.clone()),
            Some(entry) => Self::Replayed(Some(entry.clone())),
            None if settled.contains(&letter.id) => Self::Replayed(None),
            None => Self::Waiting,
        }
    }
}

/// Where the letters are.
struct Post {
    config: kafka::Config,
    topics: Topics,
    reader: Arc<Reader>,
}

impl Post {
    fn of(settings: &Settings) -> anyhow::Result<Self> {
        let config: kafka::Config = settings.read()?;
        let reader = Arc::new(Reader::new(&config, GROUP)?);
        Ok(Self { config, topics: settings.read()?, reader })
    }

    /// The letters from a topic, or from all, the oldest first.
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
                // Unmade, it holds nothing.
                let letters = dead_letters::read(&reader, &topic)?.unwrap_or_default();
                let partitions: BTreeSet<i32> = letters.iter().map(|letter| letter.id.partition).collect();
                let settled = Settled::of(&reader, &topic, &Vec::from_iter(partitions))?;
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

    /// The letter with this name.
    async fn letter(&self, id: &Id) -> anyhow::Result<Found> {
        let letters = self.letters(Some(id.topic.strip_suffix(".dlq").unwrap_or(&id.topic))).await?;
        let found = letters.into_iter().find(|found| found.letter.id == *id);
        found.with_context(|| format!("there is no letter {id}; `shipyard dlq list --all` names all"))
    }

    /// The type of event that a letter's origin carries; nothing where that is unknown.
    fn kind(&self, letter: &Letter) -> &'static str {
        let route = ROUTES.iter().find(|route| route.topic(&self.topics) == letter.origin());
        route.map(|route| route.kind).unwrap_or_default()
    }
}

fn progress(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{pos:>6} of {len} {bar:30} {msg}");
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
