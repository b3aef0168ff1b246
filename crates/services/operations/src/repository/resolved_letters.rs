//! The dead letters that operators have resolved, with operator, time and reason: the table `resolved_letters`.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use audit::facts;
use chrono::{DateTime, Utc};
use platform::{
    auth::Author,
    clock, kafka,
    postgres::{Database, retry_stale},
};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::dead_letters::{DeadLetter, Id, Origin};

/// The maximum number of letters that one statement reads.
const BATCH_SIZE: usize = 10_000;
/// The maximum number of letters that one statement imports.
const IMPORT_SIZE: usize = 1_000;

/// Inserts the letters of `$rows`, a JSON array of [`ResolvedLetter`]. Two operators who resolve the same letters lock
/// them in the same order.
macro_rules! insert_letters {
    ($on_conflict:literal, $rows:expr) => {
        sqlx::query!(
            "insert into resolved_letters (letter, given_up_at, action, decided_by, at, why, consumer, event_uuid,
                order_uuid, partition, record_offset, cluster, published_at)
            select * from jsonb_to_recordset($1) as given (letter text, given_up_at timestamptz, action text,
                decided_by text, at timestamptz, why text, consumer text, event_uuid uuid, order_uuid uuid,
                partition int, record_offset bigint, cluster text, published_at timestamptz)
            order by letter, given_up_at "
                + $on_conflict,
            $rows,
        )
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Replayed,
    /// The message's effect is no longer wanted, or an operator made it by hand.
    Discarded,
}

/// The table has no values other than these two.
impl From<String> for Action {
    fn from(name: String) -> Self {
        if name == "discarded" { Self::Discarded } else { Self::Replayed }
    }
}

/// A row: one letter resolved by an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResolvedLetter {
    /// The letter's id, such as `order.paid.dlq/0/17`.
    pub letter: String,
    /// When the message was dead-lettered. This time distinguishes letters with the same id after a topic was
    /// recreated.
    pub given_up_at: DateTime<Utc>,
    pub action: Action,
    /// The [`Author`] who resolved it. Older versions have stored a login or a name.
    pub decided_by: String,
    pub at: DateTime<Utc>,
    /// The reason; empty for a replay.
    pub why: String,
    /// The consumer group that failed to handle the message.
    pub consumer: String,
    pub event_uuid: Option<Uuid>,
    /// The record's key, if it is an order's UUID.
    pub order_uuid: Option<Uuid>,
    /// The partition and offset of the original record; `None` in rows of older versions.
    pub partition: Option<i32>,
    pub record_offset: Option<i64>,
    /// Where and when the original record was published; empty and `None` in rows of older versions.
    pub cluster: String,
    pub published_at: Option<DateTime<Utc>>,
}

impl ResolvedLetter {
    /// Returns the row of a letter that is resolved now. `kind` is the event type of the letter's original topic.
    pub fn now(letter: &DeadLetter, kind: &str, action: Action, decided_by: &Author, why: &str) -> Self {
        let (partition, record_offset) = letter.record().unzip();
        let Origin { cluster, at: published_at } = letter.published();
        Self {
            letter: letter.id.to_string(),
            given_up_at: letter.at,
            action,
            decided_by: decided_by.as_str().to_owned(),
            at: clock::now(),
            why: why.to_owned(),
            consumer: letter.header(kafka::HEADER_GROUP).to_owned(),
            event_uuid: letter.event(kind),
            order_uuid: str::from_utf8(&letter.message.key).ok().and_then(|key| Uuid::try_parse(key).ok()),
            partition,
            record_offset,
            cluster,
            published_at,
        }
    }

    /// Returns the partition and offset of the original record, if they are known.
    pub fn record(&self) -> Option<(i32, i64)> {
        self.partition.zip(self.record_offset)
    }

    pub fn origin(&self) -> Origin {
        Origin { cluster: self.cluster.clone(), at: self.published_at }
    }

    /// Returns a discarded letter as a fact of an audit.
    fn fact(self) -> facts::Discarded {
        facts::Discarded {
            letter: self.letter,
            given_up_at: self.given_up_at,
            group: self.consumer,
            event: self.event_uuid,
            order: self.order_uuid,
            who: self.decided_by,
            why: self.why,
            at: self.at,
        }
    }
}

/// Rows that were read.
#[derive(Default)]
pub struct Resolved(HashMap<(String, DateTime<Utc>), ResolvedLetter>);

impl FromIterator<ResolvedLetter> for Resolved {
    fn from_iter<I: IntoIterator<Item = ResolvedLetter>>(rows: I) -> Self {
        Self(rows.into_iter().map(|row| ((row.letter.clone(), row.given_up_at), row)).collect())
    }
}

impl Resolved {
    /// Adds those of these letters that have no row.
    pub fn complete(&mut self, letters: Vec<ResolvedLetter>) {
        for letter in letters {
            self.0.entry((letter.letter.clone(), letter.given_up_at)).or_insert(letter);
        }
    }

    pub fn of(&self, letter: &DeadLetter) -> Option<&ResolvedLetter> {
        self.0.get(&(letter.id.to_string(), letter.at))
    }

    /// Returns the rows of a dead-letter topic's letters that operators have resolved and pruned. `letters` are those
    /// that the topic still has.
    pub fn pruned(&self, topic: &str, letters: &[DeadLetter]) -> Vec<&ResolvedLetter> {
        let kept: HashSet<(String, DateTime<Utc>)> =
            letters.iter().map(|letter| (letter.id.to_string(), letter.at)).collect();
        let is_of_topic = |letter: &str| letter.parse::<Id>().is_ok_and(|id| id.topic == topic);
        let pruned = self.0.iter().filter(|(key, _)| is_of_topic(&key.0) && !kept.contains(*key));
        pruned.map(|(_, row)| row).collect()
    }

    /// Returns the discarded letters, including pruned ones, as facts of an audit.
    pub fn discarded(self) -> Vec<facts::Discarded> {
        let discarded = self.0.into_values().filter(|row| row.action == Action::Discarded);
        discarded.map(ResolvedLetter::fact).collect()
    }
}

/// The table. A role that may only read can use all methods but [`add`](Self::add).
#[derive(Clone)]
pub struct ResolvedLetters {
    pool: Database,
}

impl ResolvedLetters {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }

    /// Adds these letters, each once. A letter that has a row gets the new action, operator, time and reason, unless it
    /// was replayed and is discarded now: its message is published already.
    ///
    /// With no letters it only finds out whether the role may write.
    pub async fn add(&self, letters: &[ResolvedLetter]) -> anyhow::Result<()> {
        let rows = serde_json::to_value(letters)?;
        let added = retry_stale(|| {
            insert_letters!(
                "on conflict (letter, given_up_at) do update
                set action = excluded.action, decided_by = excluded.decided_by, at = excluded.at, why = excluded.why
                where resolved_letters.action = 'discarded' or excluded.action = 'replayed'",
                rows.clone()
            )
            .execute(&self.pool)
        });
        added.await.context("writing to the database of operations")?;
        Ok(())
    }

    /// Adds those of these letters that have no row.
    pub async fn import(&self, letters: &[ResolvedLetter]) -> anyhow::Result<()> {
        for letters in letters.chunks(IMPORT_SIZE) {
            let added = insert_letters!("on conflict do nothing", serde_json::to_value(letters)?);
            added.execute(&self.pool).await.context("writing to the database of operations")?;
        }
        Ok(())
    }

    /// Returns the rows of these letters.
    pub async fn of(&self, letters: &[&DeadLetter]) -> anyhow::Result<Resolved> {
        let mut rows = Vec::new();
        for letters in letters.chunks(BATCH_SIZE) {
            let ids: Vec<String> = letters.iter().map(|letter| letter.id.to_string()).collect();
            let read = retry_stale(|| {
                sqlx::query_as!(ResolvedLetter, "select * from resolved_letters where letter = any($1)", &ids)
                    .fetch_all(&self.pool)
            });
            rows.extend(read.await.context("reading the database of operations")?);
        }
        Ok(rows.into_iter().collect())
    }

    /// Returns all rows, for an audit.
    pub async fn all(&self) -> anyhow::Result<Resolved> {
        let read =
            retry_stale(|| sqlx::query_as!(ResolvedLetter, "select * from resolved_letters").fetch_all(&self.pool));
        Ok(read.await.context("reading the database of operations")?.into_iter().collect())
    }
}

/// Returns the discarded letters of an order as facts of its receipt, in the same order in each read.
pub async fn discarded_of(database: &mut PgConnection, order: Uuid) -> sqlx::Result<Vec<facts::Discarded>> {
    let rows = sqlx::query_as!(
        ResolvedLetter,
        "select * from resolved_letters where order_uuid = $1 and action = 'discarded' order by letter, given_up_at",
        order,
    );
    Ok(rows.fetch_all(database).await?.into_iter().map(ResolvedLetter::fact).collect())
}

#[cfg(test)]
mod tests {
    use platform::kafka::Message;

    use super::*;

    fn letter(offset: i64) -> DeadLetter {
        let headers = [(kafka::HEADER_PARTITION, "2".to_owned()), (kafka::HEADER_OFFSET, (offset + 40).to_string())];
        let headers = headers.map(|(name, value)| (name.to_owned(), Some(value.into_bytes()))).into_iter().collect();
        let id = Id { topic: "orders.dlq".to_owned(), partition: 0, offset };
        DeadLetter { id, at: DateTime::UNIX_EPOCH, message: Message { headers, ..Message::default() }, outline: None }
    }

    #[test]
    fn pruned_letters_are_the_rows_whose_letters_are_gone() {
        let row =
            |letter: &DeadLetter| ResolvedLetter::now(letter, "", Action::Discarded, &Author::part("test"), "poison");
        let (gone, old, kept) =
            (row(&letter(0)), ResolvedLetter { partition: None, ..row(&letter(1)) }, row(&letter(2)));
        let other = ResolvedLetter { letter: "order.paid.dlq/0/0".to_owned(), ..row(&letter(0)) };
        let resolved: Resolved = [gone, old, kept, other].into_iter().collect();

        let pruned = resolved.pruned("orders.dlq", &[letter(2), letter(3)]);

        let mut pruned: Vec<_> = pruned.into_iter().map(ResolvedLetter::record).collect();
        pruned.sort();
        assert_eq!(pruned, [None, Some((2, 40))]);
    }
}
