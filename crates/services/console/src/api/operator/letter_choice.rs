//! The choice of dead letters in a request: the query of the list, and the body of an action.

use chrono::{DateTime, Utc};
use contracts::proto::operations::v1::DeadLetterFilter;
use platform::{
    grpc::timestamp,
    http::{json, problem::Problem},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::Form;

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LettersQuery {
    pub letter: String,
    pub topic: String,
    pub group: String,
    pub kind: String,
    pub reason: String,
    skip: String,
    limit: String,
}

impl LettersQuery {
    pub fn filter(&self) -> DeadLetterFilter {
        let Self { letter, topic, group, kind, reason, .. } = self;
        filter([letter, topic, group, kind, reason], None)
    }

    pub fn skip(&self) -> Result<usize, Problem> {
        Ok(count("skip", &self.skip)?.unwrap_or_default())
    }

    pub fn limit(&self) -> Result<Option<usize>, Problem> {
        count("limit", &self.limit)
    }
}

fn count(name: &'static str, text: &str) -> Result<Option<usize>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse::<usize>().map(Some).map_err(|_| Problem::invalid(name, "must be a whole number from 0"))
}

/// The body of a replay or a discard. Unknown members are refused, so that a program that misspells a condition does
/// not act on all letters.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Choice {
    letter: String,
    topic: String,
    group: String,
    kind: String,
    reason: String,
    until: Option<DateTime<Utc>>,
    /// True to respond with what would be done, and change nothing.
    pub dry_run: bool,
    /// True to discard every pending letter.
    all: bool,
    why: String,
}

impl Choice {
    pub fn from_form(form: &Form) -> Result<Self, Problem> {
        let mut members = form.members.clone();
        if form.is_form {
            // An empty field of a form counts as absent. The confirmation shows the number of letters before the
            // operator agrees.
            members.retain(|name, value| name != "confirm" && value.as_str() != Some(""));
            members.insert("all".to_owned(), true.into());
        }
        json::decode(Value::from(members).to_string().as_bytes())
    }

    pub fn filter(&self) -> DeadLetterFilter {
        let Self { letter, topic, group, kind, reason, .. } = self;
        filter([letter, topic, group, kind, reason], self.until)
    }

    /// Returns the reason of a discard. Fails without a reason, and if there is neither a condition nor `all`.
    pub fn why(&self) -> Result<String, Problem> {
        if self.filter() == DeadLetterFilter::default() && !self.all {
            return Err(Problem::invalid("all", "must be true to discard every pending letter"));
        }
        let why = self.why.trim();
        if why.is_empty() { Err(Problem::invalid("why", "is required")) } else { Ok(why.to_owned()) }
    }
}

/// Returns the filter of these conditions. An empty text does not count as a condition.
fn filter(conditions: [&String; 5], until: Option<DateTime<Utc>>) -> DeadLetterFilter {
    let [letter, topic, group, kind, reason] =
        conditions.map(|text| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned));
    DeadLetterFilter { letter, topic, group, kind, reason, until: until.map(timestamp) }
}
