//! `GET /console/operator/dead-letters`: which messages could not be handled and why; replaying and discarding one, or
//! all that match.

use askama::Template;
use axum::{extract::State, response::Response};
use contracts::events::{INBOUND, ROUTES, TIMELINE};
use platform::http::{problem::Problem, query::QueryParameters};

use super::Outcome;
use crate::{
    api::{Api, LETTERS_PER_PAGE, LettersQuery, Visit, not_read},
    model::{DeadLetters as Found, Ended, Letter, LetterPage, Now, Running},
    pages::{
        format::{Moment, query},
        frame::{Layout, layout, page},
        refusal::{Refusal, or_missing},
    },
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
struct DeadLetters {
    layout: Layout,
    query: LettersQuery,
    /// The options of the filters: topics, groups and event types.
    topics: Vec<String>,
    groups: Vec<&'static str>,
    kinds: Vec<&'static str>,
    /// The number of letters before this page.
    skip: usize,
    found: Option<LetterPage>,
    running: Option<Running>,
    outcome: Option<Outcome>,
    problem: Option<Refusal>,
}

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    QueryParameters(query): QueryParameters<LettersQuery>,
) -> Result<Response, Problem> {
    let skip = query.skip()?;
    let read = api.operations.dead_letters(query.filter(), skip, LETTERS_PER_PAGE);
    let (layout, found) = tokio::join!(layout(&api, &visit, "operator"), read);
    let (found, status, problem) = or_missing(found.map(Some).map_err(|status| not_read("the dead letters", &status)));
    let (found, work) = found.map(|Found { page, work }| (page, work)).unzip();
    let Now { running, last } = work.unwrap_or_default();
    let outcome = last.filter(|_| running.is_none()).map(|last| outcome(&last));
    let routed = ROUTES.iter().flat_map(|route| route.consumers).map(|consumer| consumer.group);
    let view = DeadLetters {
        layout,
        skip,
        query,
        topics: api.topics.all().into_iter().map(str::to_owned).collect(),
        groups: routed.chain(INBOUND.iter().map(|inbound| inbound.consumer.group)).chain([TIMELINE.group]).collect(),
        kinds: ROUTES.iter().map(|route| route.kind).collect(),
        found,
        running,
        outcome,
        problem,
    };
    Ok(page(status, &view))
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
        query(self.members().into_iter().chain([("skip", skip.to_string().as_str())]))
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

fn outcome(last: &Ended<Vec<String>>) -> Outcome {
    match &last.result {
        Ok(sentences) => Outcome {
            title: sentences.first().cloned().unwrap_or_default(),
            lines: sentences.iter().skip(1).cloned().chain([format!("Ended {}", Moment(last.at))]).collect(),
            is_trouble: sentences.len() > 1,
        },
        Err(error) => Outcome {
            title: format!("{} did not work", last.title),
            lines: vec![error.clone(), "What was done until then remains; the rest is still pending.".to_owned()],
            is_trouble: true,
        },
    }
}
