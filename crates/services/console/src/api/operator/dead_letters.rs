//! Dead letters: `GET /console/api/operator/dead-letters`, and `POST …/replay` and `…/discard` of one or of all that
//! match.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use platform::http::{problem::Problem, query::QueryParameters};
use serde_json::json;

use super::{
    begun, is_question,
    letter_choice::{Choice, LettersQuery},
};
use crate::{
    api::{Api, Form, Visit, not_read},
    model::Plan,
    pages::{self, Confirmation, format::counted},
};

/// The default number of letters on a page, and the maximum that a program may request.
pub const PAGE_SIZE: usize = 25;
const MAX_PAGE_SIZE: usize = 200;
/// The maximum number of messages for which a confirmation shows why they would become dead letters again.
const MAX_SHOWN: usize = 5;
const PAGE: &str = "/console/operator/dead-letters";

pub async fn list(
    State(api): State<Api>,
    QueryParameters(query): QueryParameters<LettersQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?.unwrap_or(PAGE_SIZE).min(MAX_PAGE_SIZE);
    let found = api.operations.dead_letters(query.filter(), query.skip()?, limit).await;
    let found = found.map_err(|status| not_read("the dead letters", &status))?;
    Ok(Json(json!({ "page": found.page, "work": found.work })).into_response())
}

/// If a program sets `dry_run`, the response says what a replay would do.
pub async fn replay(State(api): State<Api>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let choice = Choice::from_form(&form)?;
    let filter = choice.filter();
    if is_question(&form) || choice.dry_run {
        let plan = api.operations.plan(filter).await.map_err(|status| not_read("the dead letters", &status))?;
        if !form.is_form {
            return Ok(Json(plan).into_response());
        }
        let confirmation = Confirmation {
            title: format!("Replay {}?", counted(plan.letters, "dead letter")),
            effects: effects(&plan),
            rows: reasons(&plan),
            button: "Yes, replay",
            back: PAGE,
            ..until(Confirmation::new(&form, "/console/api/operator/dead-letters/replay"), plan.newest)
        };
        return Ok(pages::confirm(&api, &visit, confirmation).await);
    }
    begun(&form, PAGE, api.operations.replay(filter).await)
}

/// The reason `why` is required, and `all` if there is no condition. If a program sets `dry_run`, the response has the
/// number of letters.
pub async fn discard(State(api): State<Api>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let choice = Choice::from_form(&form)?;
    let filter = choice.filter();
    if is_question(&form) || choice.dry_run {
        let found = api.operations.dead_letters(filter, 0, 0).await;
        let page = found.map_err(|status| not_read("the dead letters", &status))?.page;
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
            back: PAGE,
            ..until(Confirmation::new(&form, "/console/api/operator/dead-letters/discard"), page.newest)
        };
        return Ok(pages::confirm(&api, &visit, confirmation).await);
    }
    begun(&form, PAGE, api.operations.discard(filter, choice.why()?).await)
}

/// Adds `until` to a confirmation, so that its action leaves out letters that arrive after the confirmation was shown.
/// If no letter matches, the action leaves out all letters.
fn until(mut confirmation: Confirmation, newest: Option<DateTime<Utc>>) -> Confirmation {
    let until = newest.unwrap_or(DateTime::UNIX_EPOCH);
    confirmation.fields.retain(|(name, _)| name != "until");
    confirmation.fields.push(("until".to_owned(), until.to_rfc3339()));
    confirmation
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
