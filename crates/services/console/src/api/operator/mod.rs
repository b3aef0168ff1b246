//! The operators' endpoints below `/console/api/operator`: the data of the service operations, and short actions.
//! Before an action starts, a row is written to the log of operations, even if the action then fails; an action whose
//! row cannot be written is refused. A second row records the end. Operations runs long actions, and writes their rows
//! itself.
//!
//! A program's request is executed at once. The response to a form is first a page that says what will happen; the
//! button on that page sends the same form again with `confirm`.

mod audit;
mod changes;
mod dead_letters;
mod letter_choice;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use platform::{
    auth::role_used_on,
    http::{
        endpoints::{Endpoints, OPERATOR},
        problem::Problem,
    },
};
use serde::Serialize;
use serde_json::json;
use tonic::Status;

pub use self::{dead_letters::PAGE_SIZE as LETTERS_PER_PAGE, letter_choice::LettersQuery};
use super::{Api, Form, form::see, live, not_read, of_operations};
use crate::model::Now;

/// The page to which the form of a short action leads: the log, with the result of the action at the top.
const DONE: &str = "/console/operator/actions?done=yes";
/// The maximum number of actions that are shown.
pub const MAX_ACTIONS: u32 = 200;

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
    let services = api.operations.services().await.map_err(|status| not_read("the services", &status))?;
    Ok(Json(json!({ "services": services })).into_response())
}

async fn outbox(State(api): State<Api>) -> Result<Response, Problem> {
    let outboxes = api.operations.outboxes().await.map_err(|status| not_read("the outboxes", &status))?;
    Ok(Json(json!({ "outboxes": outboxes })).into_response())
}

async fn lag(State(api): State<Api>) -> Result<Response, Problem> {
    let lags = api.operations.lags().await.map_err(|status| not_read("the lag", &status))?;
    Ok(Json(lags).into_response())
}

async fn actions(State(api): State<Api>) -> Result<Response, Problem> {
    let actions = api.operations.actions(None, MAX_ACTIONS).await.map_err(|status| of_operations(&status))?;
    Ok(Json(json!({ "actions": actions })).into_response())
}

/// Returns true if a request must still be confirmed.
fn is_question(form: &Form) -> bool {
    form.is_form && !form.is_set("confirm")
}

/// Executes a short action, records its start and its end in the log, and responds to a form with the page of the log.
/// `subject` is what the action is applied to.
async fn act<T>(
    (api, form): (&Api, &Form),
    action: &str,
    subject: &str,
    work: impl Future<Output = Result<(String, T), Problem>>,
    respond: impl FnOnce(T) -> Response,
) -> Result<Response, Problem> {
    if let Ok(object) = subject.parse() {
        role_used_on(object);
    }
    let begun = api.operations.begin_action(action, subject).await.map_err(|status| of_operations(&status))?;
    let outcome = work.await;
    let result = match &outcome {
        Ok((result, _)) => result,
        Err(problem) => problem.code,
    };
    // The action is done already.
    if let Err(status) = api.operations.end_action(begun, result).await {
        let (code, error) = (status.code(), status.message());
        tracing::error!(begun, ?code, error, "the end of an operator's action was not recorded");
    }
    let (_, done) = outcome?;
    Ok(if form.is_form { see(DONE) } else { respond(done) })
}

/// Responds to a request that started a long action; a form is redirected to the page that shows the progress.
/// `response` is the response of operations.
fn begun<T: Serialize>(form: &Form, page: &str, response: Result<Now<T>, Status>) -> Result<Response, Problem> {
    let now = response.map_err(|status| of_operations(&status))?;
    Ok(if form.is_form { see(page) } else { (StatusCode::ACCEPTED, Json(now)).into_response() })
}
