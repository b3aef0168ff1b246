//! `shipyard dlq`: lists, shows, replays, discards and prunes dead letters.

mod list;
mod prune;

use std::sync::Arc;

use anyhow::Context as _;
use clap::Subcommand;
use operations::{
    dead_letter_queue::{Chosen, DeadLetterQueue, Progress},
    dead_letters::Id,
    model::{Filter, Replayed, counted},
};
use platform::{auth::Author, config};

use crate::data::Data;

#[derive(Subcommand)]
pub enum Command {
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
    /// Publish dead letters to their original topics again, unchanged. Safe to repeat: consumers ignore events that
    /// they have handled
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
        /// Include dead letters of events that inboxes may have forgotten: a consumer that has handled such an event
        /// may handle it twice
        #[arg(long)]
        late: bool,
    },
    /// Discard dead letters whose effect is no longer wanted or was made by hand. Audits mention them, and `list --all`
    /// shows them
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
    },
    /// Delete resolved dead letters, up to the first pending one of each partition
    Prune {
        /// Only dead letters from this topic, such as order.paid
        #[arg(long)]
        topic: Option<String>,
    },
}

pub async fn run(command: Command, data: Data) -> anyhow::Result<()> {
    let settings = data.running(config::load()?);
    let queue = DeadLetterQueue::from_settings(&settings).with_context(|| data.advice())?;
    match command {
        Command::List { topic, all } => list::list(&queue, topic.as_deref(), all).await,
        Command::Show { letter } => list::show(&queue, &letter).await,
        Command::Replay { letters, topic, late, .. } => replay(&queue, &chosen(letters, topic), late).await,
        Command::Discard { letters, topic, why, .. } => discard(&queue, &chosen(letters, topic), &why).await,
        Command::Prune { topic } => prune::prune(&queue, topic.as_deref()).await,
    }
}

fn progress() -> Progress {
    Arc::new(|done, all| eprintln!("{done} of {all}"))
}

/// The named letters, or else all pending ones of one topic or of all topics.
fn chosen(named: Vec<Id>, topic: Option<String>) -> Chosen {
    if named.is_empty() { Chosen::Matching(Filter { topic, ..Filter::default() }) } else { Chosen::Letters(named) }
}

async fn replay(queue: &DeadLetterQueue, chosen: &Chosen, late: bool) -> anyhow::Result<()> {
    let replayed = queue.replay(chosen, late, &Author::command_line(), &progress()).await?;
    let Replayed { messages, letters, problems } = replayed;
    for problem in &problems {
        eprintln!("{problem}");
    }
    outln!("{} replayed, {} resolved", counted(messages, "message"), counted(letters, "dead letter"));
    anyhow::ensure!(problems.is_empty(), "{} could not be replayed", counted(problems.len(), "message"));
    Ok(())
}

async fn discard(queue: &DeadLetterQueue, chosen: &Chosen, why: &str) -> anyhow::Result<()> {
    anyhow::ensure!(!why.trim().is_empty(), "give the reason with --why");
    let discarded = queue.discard(chosen, &Author::command_line(), why, &progress()).await?;
    outln!("{discarded}");
    Ok(())
}
