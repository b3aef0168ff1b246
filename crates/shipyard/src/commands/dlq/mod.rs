//! `shipyard dlq`: the messages that nobody could handle, looked at and sent again.

mod list;
mod marks;
mod replay;
mod show;

use std::{collections::BTreeSet, sync::Arc};

use anyhow::Context as _;
use clap::Subcommand;
use events::Topics;
use platform::{
    config::Settings,
    kafka::{self, Reader, dead_letter_topic},
};

use self::marks::Settled;
use crate::{
    data::Data,
    letters::{self, Id, Letter},
};

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
        /// Those too that have been replayed.
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
    },
}

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(Settings::load()?);
    let post = Post::of(&settings).with_context(|| data.advice())?;
    match arguments.command {
        Command::List { topic, all } => list::list(&post, topic.as_deref(), all).await,
        Command::Show { letter } => show::show(&post, &letter).await,
        Command::Replay { letters, topic, .. } => replay::replay(&post, &letters, topic.as_deref()).await,
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

    /// The letters from a topic, or from all, the oldest first, and which of them are settled.
    async fn letters(&self, topic: Option<&str>) -> anyhow::Result<Vec<(Letter, bool)>> {
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
        let reader = self.reader.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            for topic in wanted {
                // Unmade, it holds nothing.
                let letters = letters::read(&reader, &topic)?.unwrap_or_default();
                let partitions: BTreeSet<i32> = letters.iter().map(|letter| letter.id.partition).collect();
                let settled = Settled::of(&reader, &topic, &Vec::from_iter(partitions))?;
                all.extend(letters.into_iter().map(|letter| {
                    let done = settled.contains(&letter.id);
                    (letter, done)
                }));
            }
            anyhow::Ok(all)
        });
        let mut all = reading.await.context("reading the dead-letter topics")??;
        all.sort_by_key(|(letter, _)| letter.at);
        Ok(all)
    }

    /// The letter with this name.
    async fn letter(&self, id: &Id) -> anyhow::Result<Letter> {
        let letters = self.letters(Some(id.topic.strip_suffix(".dlq").unwrap_or(&id.topic))).await?;
        let found = letters.into_iter().find(|(letter, _)| letter.id == *id);
        let (letter, _) =
            found.with_context(|| format!("there is no letter {id}; `shipyard dlq list --all` names all"))?;
        Ok(letter)
    }
}
