//! Writes down that letters have been dealt with: in the journal, and in the marks.

use std::collections::HashMap;

use anyhow::Context as _;
use platform::kafka::Reader;

use super::{Found, Post, marks::Settled};
use operations::dead_letter_journal::{Action, Entry, Writer};
use operations::dead_letters::{Id, Letter};

/// One command's writing.
pub struct Settling<'a> {
    post: &'a Post,
    /// Nothing where a replay cannot be written down: its marks must do.
    journal: Option<Writer>,
    marks: Marks,
    who: String,
}

impl<'a> Settling<'a> {
    /// `letters` are all that there are.
    pub async fn begin(post: &'a Post, letters: &[Found], who: String) -> anyhow::Result<Self> {
        Ok(Self { post, journal: Some(Writer::open(&post.config).await?), marks: Marks::of(letters), who })
    }

    /// These letters have been dealt with. The journal comes first: a letter that is in it counts as settled.
    pub async fn settle(&mut self, letters: &[&Letter], action: Action, why: &str) -> anyhow::Result<()> {
        let entry = |letter: &&Letter| Entry::now(letter, self.post.kind(letter), action, &self.who, why);
        let entries: Vec<Entry> = letters.iter().map(entry).collect();
        if let Some(journal) = &self.journal {
            match journal.add(&entries).await {
                Err(error) if action == Action::Replayed => {
                    eprintln!("who replays what is not written down: {error:#}");
                    self.journal = None;
                }
                outcome => outcome?,
            }
        }
        let ids = letters.iter().map(|letter| letter.id.clone()).collect();
        self.marks.settle(self.post, ids).await
    }
}

/// Who is logged in, unless it is said.
pub fn who(said: Option<String>) -> Option<String> {
    let said = said.into_iter();
    let names = ["SUDO_USER", "USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    said.chain(names).map(|name| name.trim().to_owned()).find(|name| !name.is_empty())
}

/// The marks of the topics that were met, and where each partition's letters begin.
#[derive(Default)]
struct Marks {
    oldest: HashMap<(String, i32), i64>,
    topics: HashMap<String, Settled>,
}

impl Marks {
    fn of(letters: &[Found]) -> Self {
        let mut oldest = HashMap::new();
        for Found { letter: Letter { id, .. }, .. } in letters {
            let first = oldest.entry((id.topic.clone(), id.partition)).or_insert(id.offset);
            *first = id.offset.min(*first);
        }
        Self { oldest, topics: HashMap::new() }
    }

    async fn settle(&mut self, post: &Post, letters: Vec<Id>) -> anyhow::Result<()> {
        let (reader, mut marks) = (post.reader.clone(), std::mem::take(self));
        let settling = tokio::task::spawn_blocking(move || {
            for id in letters {
                let mut settled = match marks.topics.remove(&id.topic) {
                    Some(settled) => settled,
                    None => marks.first(&reader, &id)?,
                };
                settled.settle(&reader, &id)?;
                marks.topics.insert(id.topic, settled);
            }
            anyhow::Ok(marks)
        });
        *self = settling.await.context("marking a letter")??;
        Ok(())
    }

    /// A topic's marks, from where its letters begin.
    fn first(&self, reader: &Reader, id: &Id) -> anyhow::Result<Settled> {
        let partitions: Vec<(i32, i64)> = self
            .oldest
            .iter()
            .filter(|((topic, _), _)| *topic == id.topic)
            .map(|((_, partition), oldest)| (*partition, *oldest))
            .collect();
        let numbers: Vec<i32> = partitions.iter().map(|(partition, _)| *partition).collect();
        let mut settled = Settled::of(reader, &id.topic, &numbers)?;
        for (partition, oldest) in partitions {
            settled.begin_at(partition, oldest);
        }
        Ok(settled)
    }
}
