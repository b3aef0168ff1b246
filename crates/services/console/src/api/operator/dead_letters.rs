//! Dead letters: `GET /console/api/operator/dead-letters`, and `POST …/replay` and `…/discard` of one or of all that
//! match.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use platform::{
    auth::Author,
    http::{problem::Problem, query::QueryParameters},
};
use serde_json::json;

use super::{
    is_question,
    letter_choice::{Choice, LettersQuery},
    long_action::LongAction,
    not_read,
};
use crate::{
    api::{Api, Form, Visit},
    model::{Filter, Plan, counted},
    pages::{self, Confirmation},
};

/// The default number of letters on a page, and the maximum that a program may request.
pub const PAGE_SIZE: usize = 25;
const MAX_PAGE_SIZE: usize = 200;
/// The maximum number of sentences of a result that are stored.
const MAX_SENTENCES: usize = 100;
/// The maximum number of messages for which a confirmation shows why they would become dead letters again.
const MAX_SHOWN: usize = 5;

pub async fn list(
    State(api): State<Api>,
    QueryParameters(query): QueryParameters<LettersQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?.unwrap_or(PAGE_SIZE).min(MAX_PAGE_SIZE);
    let page = api.operations.dead_letters(&query.filter(), query.skip()?, limit).await;
    let page = page.map_err(|error| not_read("the dead letters", error))?;
    Ok(Json(json!({ "page": page, "work": api.letter_work.now() })).into_response())
}

/// If a program sets `dry_run`, the response says what a replay would do.
pub async fn replay(State(api): State<Api>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let choice = Choice::from_form(&form)?;
    let filter = choice.filter();
    if is_question(&form) || choice.dry_run {
        let plan = api.operations.plan(&filter).await.map_err(|error| not_read("the dead letters", error))?;
        if !form.is_form {
            return Ok(Json(plan).into_response());
        }
        let confirmation = Confirmation {
            title: format!("Replay {}?", counted(plan.letters, "dead letter")),
            effects: effects(&plan),
            rows: reasons(&plan),
            button: "Yes, replay",
            back: "/console/operator/dead-letters",
            ..until(Confirmation::new(&form, "/console/api/operator/dead-letters/replay"), plan.newest)
        };
        return Ok(pages::confirm(&api, &visit, confirmation).await);
    }
    let (operations, by) = (api.operations.clone(), Author::user(visit.user.uuid));
    let action = long_action("Replaying dead letters", "replay", &filter);
    let run = async move |progress| {
        let replayed = operations.replay(&filter, &by, progress).await?;
        let mut sentences = vec![replayed.to_string()];
        sentences.extend(replayed.problems);
        sentences.truncate(MAX_SENTENCES);
        Ok(sentences)
    };
    action.begin((&api, &visit, &form), &api.letter_work, run, |sentences| first(sentences)).await
}

/// The reason `why` is required, and `all` if there is no condition. If a program sets `dry_run`, the response has the
/// number of letters.
pub async fn discard(State(api): State<Api>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let choice = Choice::from_form(&form)?;
    let filter = choice.filter();
    if is_question(&form) || choice.dry_run {
        let page = api.operations.dead_letters(&filter, 0, 0).await;
        let page = page.map_err(|error| not_read("the dead letters", error))?;
        if !form.is_form {
            return Ok(Json(json!({ "letters": page.matching })).into_response());
        }
        let confirmation = Confirmation {
            title: format!("Discard {}?", counted(page.matching, "dead letter")),
            effects: vec![
                "They are never replayed, and their effects never happen.".to_owned(),
                "They stay in their topics until they are pruned, and audits name them with your reason.".to_owned(),
            ],
            asks_why: true,
            button: "Yes, discard",
            is_final: true,
            back: "/console/operator/dead-letters",
            ..until(Confirmation::new(&form, "/console/api/operator/dead-letters/discard"), page.newest)
        };
        return Ok(pages::confirm(&api, &visit, confirmation).await);
    }
    let why = choice.why()?;
    let (operations, by) = (api.operations.clone(), Author::user(visit.user.uuid));
    let action = long_action("Discarding dead letters", "discard", &filter);
    let run = async move |progress| Ok(vec![operations.discard(&filter, &by, &why, progress).await?.to_string()]);
    action.begin((&api, &visit, &form), &api.letter_work, run, |sentences| first(sentences)).await
}

/// Adds `until` to a confirmation, so that its action leaves out letters that arrive after the confirmation was shown.
/// If no letter matches, the action leaves out all letters.
fn until(mut confirmation: Confirmation, newest: Option<DateTime<Utc>>) -> Confirmation {
    let until = newest.unwrap_or(DateTime::UNIX_EPOCH);
    confirmation.fields.retain(|(name, _)| name != "until");
    confirmation.fields.push(("until".to_owned(), until.to_rfc3339()));
    confirmation
}

fn long_action(title: &'static str, action: &'static str, filter: &Filter) -> LongAction {
    LongAction {
        title,
        action,
        subject: subject(filter),
        page: "/console/operator/dead-letters",
        busy: "dead letters are being replayed or discarded; wait until that has ended",
    }
}

fn first(sentences: &[String]) -> String {
    sentences.first().cloned().unwrap_or_default()
}

/// Describes for the log which letters an action is applied to, without the text that the operator searched for.
fn subject(filter: &Filter) -> String {
    let Filter { letter, topic, group, kind, reason, .. } = filter;
    let named = [letter, topic, group, kind].into_iter().flatten().cloned();
    let searched = reason.as_ref().map(|_| "a part of the error".to_owned());
    let conditions: Vec<String> = named.chain(searched).collect();
    if conditions.is_empty() { "all pending dead letters".to_owned() } else { conditions.join(", ") }
}

fn effects(plan: &Plan) -> Vec<String> {
    let Plan { messages, poison, from_outside, discarded, late, truncated, .. } = plan;
    let many =
        |count: usize, one: &str, more: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {more}") };
    let mut effects = vec![
        format!("{} published to the topic of its origin again.", many(*messages, "message is", "messages are")),
        "Consumers that have handled a message already skip it.".to_owned(),
        format!(
            "{} poison again, and would be a new dead letter.",
            many(poison.len(), "of them is still", "of them are still")
        ),
    ];
    for (count, one, more, rest) in [
        (
            *from_outside,
            "of them is from an outside program",
            "of them are from outside programs",
            "; their consumers may still refuse them for what they have stored.",
        ),
        (
            *discarded,
            "message is",
            "messages are",
            " skipped: discarded for another consumer, which a replay would reach.",
        ),
        (
            *late,
            "older message is",
            "older messages are",
            " skipped: consumers may have forgotten that they have handled it.",
        ),
        (*truncated, "dead letter is", "dead letters are", " skipped: too large to be kept in full."),
    ] {
        if count > 0 {
            effects.push(format!("{}{rest}", many(count, one, more)));
        }
    }
    effects
}

fn reasons(plan: &Plan) -> Vec<(String, String)> {
    let shown = plan.poison.iter().take(MAX_SHOWN).map(|poison| (poison.letter.clone(), poison.reason.clone()));
    let rest = plan.poison.len().saturating_sub(MAX_SHOWN);
    shown.chain((rest > 0).then(|| (format!("and {rest} more"), String::new()))).collect()
}
