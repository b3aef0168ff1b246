//! The operators' endpoints below `/console/api/operator`. The log of actions gets each action before it begins, also
//! one that then fails; an action that cannot be written there is refused. A second row has its end.
//!
//! A program's request is executed at once. The response to a form is first a page that says what will happen; the
//! button on that page sends the same form again with `confirm`.

mod audit;
mod changes;
mod dead_letters;
mod letter_choice;
mod long_action;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use contracts::ids::UserId;
use platform::{
    auth::role_used_on,
    error_chain,
    http::{
        endpoints::{Endpoints, OPERATOR},
        problem::Problem,
    },
};
use serde_json::json;

pub use self::{dead_letters::PAGE_SIZE as LETTERS_PER_PAGE, letter_choice::LettersQuery};
use super::{Api, Form, Visit, form::see, live, of_error};
use crate::{error::Error, metrics, repository::NewAction};

/// The page to which the form of a short action leads: the log, with the result of the action at the top.
const DONE: &str = "/console/operator/actions?done=yes";
/// The maximum number of actions that are shown.
pub const MAX_ACTIONS: i64 = 200;
/// The maximum number of characters of the subject or the result of an action in the log of actions, which is kept for
/// ever.
const MAX_RECORDED_CHARS: usize = 1_000;

pub fn endpoints() -> Endpoints<Api> {
    let path = |end: &str| format!("/console/api/operator/{end}");
    Endpoints::default()
        .get(OPERATOR, &path("services"), "The state of each service", services)
        .get(
            OPERATOR,
            &path("dead-letters"),
            "Pending dead letters, filtered by letter, topic, group, kind and reason",
            dead_letters::list,
        )
        .get(
            OPERATOR,
            &path("outbox"),
            "The events that wait in each service's outbox, and the replica that publishes them",
            outbox,
        )
        .get(
            OPERATOR,
            &path("lag"),
            "The lag of each consumer group by partition, now and over the last 15 minutes",
            lag,
        )
        .get(OPERATOR, &path("audit"), "The audit that runs, and the result of the last one", audit::show)
        .get(OPERATOR, &path("couriers"), "The couriers, with their orders", live::couriers)
        .get(OPERATOR, &path("actions"), "The log of operators' actions", actions)
        .post(
            OPERATOR,
            &path("dead-letters/replay"),
            "Replays the dead letters that match; with dry_run, says what that would do",
            dead_letters::replay,
        )
        .post(
            OPERATOR,
            &path("dead-letters/discard"),
            "Discards the dead letters that match, with the reason why",
            dead_letters::discard,
        )
        .post(OPERATOR, &path("audit"), "Begins an audit of the whole shop", audit::audit)
        .post(OPERATOR, &path("couriers"), "Adds a courier", changes::add_courier)
        .post(OPERATOR, &path("kyc-rollback"), "Rejects a verified customer", changes::roll_back_kyc)
        .post(OPERATOR, &path("restock"), "Adds to the stock of a part; under the same key, once", changes::restock)
}

async fn services(State(api): State<Api>) -> Result<Response, Problem> {
    let services = api.operations.services().await.map_err(|error| not_read("the services", error))?;
    Ok(Json(json!({ "services": services })).into_response())
}

async fn outbox(State(api): State<Api>) -> Result<Response, Problem> {
    let outboxes = api.operations.outboxes().await.map_err(|error| not_read("the outboxes", error))?;
    Ok(Json(json!({ "outboxes": outboxes })).into_response())
}

async fn lag(State(api): State<Api>) -> Result<Response, Problem> {
    let lags = api.lag.now().await.map_err(|error| not_read("the lag", error))?;
    Ok(Json(&*lags).into_response())
}

async fn actions(State(api): State<Api>) -> Result<Response, Problem> {
    let actions = api.actions.latest(MAX_ACTIONS).await.map_err(of_error)?;
    Ok(Json(json!({ "actions": actions })).into_response())
}

pub fn not_read(what: &'static str, error: anyhow::Error) -> Problem {
    of_error(Error::NotRead(what, error))
}

/// Returns true if a request must still be confirmed.
fn is_question(form: &Form) -> bool {
    form.is_form && !form.is_set("confirm")
}

/// Does a short action, writes its beginning and its end, and responds to a form with the log. `subject` is what the
/// action is applied to.
async fn act<T>(
    (api, visit, form): (&Api, &Visit, &Form),
    action: &'static str,
    subject: &str,
    work: impl Future<Output = Result<(String, T), Problem>>,
    respond: impl FnOnce(T) -> Response,
) -> Result<Response, Problem> {
    let begun = begin(api, visit, action, subject).await?;
    let answer = work.await;
    let result = match &answer {
        Ok((result, _)) => result,
        Err(problem) => problem.code,
    };
    end(api, begun, result).await;
    let (_, answer) = answer?;
    Ok(if form.is_form { see(DONE) } else { respond(answer) })
}

/// Writes the beginning of an action into the log, and returns the row's id. Without it the action may not begin.
async fn begin(api: &Api, visit: &Visit, action: &'static str, subject: &str) -> Result<i64, Problem> {
    if let Ok(object) = subject.parse() {
        role_used_on(object);
    }
    let action = NewAction { operator: UserId::new(visit.user.uuid), action, subject: storable(subject) };
    let begun = api.actions.begin(&action).await.map_err(of_error)?;
    metrics::acted(action.action);
    Ok(begun)
}

/// Writes the end of an action. A database error is only logged, because the action is done already.
async fn end(api: &Api, begun: i64, result: &str) {
    if let Err(error) = api.actions.end(begun, &storable(result)).await {
        tracing::error!(begun, error = error_chain(error), "the end of an operator's action was not recorded");
    }
}

/// Returns at most [`MAX_RECORDED_CHARS`] of a text, without control characters: PostgreSQL cannot store U+0000.
fn storable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_RECORDED_CHARS).collect()
}
