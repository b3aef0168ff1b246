//! The dead letters: which messages could not be handled and why; replaying and discarding one, or all that match.

use askama::Template;

use super::Outcome;
use crate::{
    api::{LETTERS_PER_PAGE, LettersQuery},
    model::{Letter, LetterPage},
    pages::{
        format::{Moment, encoded},
        views::layout::{Layout, Problem},
    },
    service::Running,
};

/// The maximum numbers of characters of a payload, and of another value, that are shown.
const MAX_PAYLOAD: usize = 3_000;
const MAX_VALUE: usize = 400;
/// The maximum number of headers that are shown.
const MAX_HEADERS: usize = 30;
/// With more letters than this, the list is refreshed less often, because each refresh reads all letters.
const MANY_LETTERS: usize = 1_000;

#[derive(Template)]
#[template(path = "operator-dead-letters.html")]
pub struct DeadLetters {
    pub layout: Layout,
    pub query: LettersQuery,
    /// For the selections.
    pub topics: Vec<String>,
    pub groups: Vec<&'static str>,
    pub kinds: Vec<&'static str>,
    /// The number of letters before this page.
    pub skip: usize,
    pub found: Option<LetterPage>,
    pub running: Option<Running>,
    pub outcome: Option<Outcome>,
    pub problem: Option<Problem>,
}

impl DeadLetters {
    /// The entry of the navigation for this page.
    const TAB: &'static str = "dead-letters";

    /// The conditions, as the members of a form.
    fn members(&self) -> Vec<(&'static str, &str)> {
        let LettersQuery { letter, topic, group, kind, reason, .. } = &self.query;
        let all = [("letter", letter), ("topic", topic), ("group", group), ("kind", kind), ("reason", reason)];
        all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.as_str())).collect()
    }

    fn is_filtered(&self) -> bool {
        !self.members().is_empty()
    }

    /// The query that shows the same list after the first `skip` letters.
    fn query(&self, skip: usize) -> String {
        let conditions = self.members().into_iter().map(|(name, value)| format!("{name}={}&", encoded(value)));
        format!("{}skip={skip}", conditions.collect::<String>())
    }

    /// Returns the time between two refreshes of the list, in milliseconds.
    fn every(&self) -> u32 {
        let all = |found: &LetterPage| found.pending + found.replayed + found.discarded;
        let is_long = self.found.as_ref().is_some_and(|found| all(found) > MANY_LETTERS);
        if is_long && self.running.is_none() { 10_000 } else { 1_500 }
    }

    fn has_more(&self) -> bool {
        self.found.as_ref().is_some_and(|found| self.after() < found.matching)
    }

    fn has_pages(&self) -> bool {
        self.skip > 0 || self.has_more()
    }

    fn before(&self) -> usize {
        self.skip.saturating_sub(LETTERS_PER_PAGE)
    }

    fn after(&self) -> usize {
        self.skip.saturating_add(LETTERS_PER_PAGE)
    }

    fn at(letter: &Letter) -> Moment {
        Moment(letter.at)
    }

    fn encoded(text: &str) -> String {
        encoded(text)
    }

    fn cut(text: &str) -> String {
        shortened(text, MAX_VALUE).unwrap_or_else(|| text.to_owned())
    }

    fn payload(letter: &Letter) -> String {
        match shortened(&letter.payload, MAX_PAYLOAD) {
            Some(start) => format!("{start}\n`shipyard dlq show {}` prints all of it.", letter.id),
            None => letter.payload.clone(),
        }
    }

    fn headers(letter: &Letter) -> Vec<(String, String)> {
        let shown = letter.headers.iter().take(MAX_HEADERS);
        shown.map(|(name, value)| (Self::cut(name), Self::cut(value))).collect()
    }
}

/// Returns the first `characters` characters of a text that is longer, or `None`.
fn shortened(text: &str, characters: usize) -> Option<String> {
    let (end, _) = text.char_indices().nth(characters)?;
    Some(format!("{} …", &text[..end]))
}
