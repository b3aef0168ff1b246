//! The operators' endpoints below `/console/api/operator`. The log of actions gets each action, including those that fail.
//!
//! A program's request is executed at once. The response to a form is first a page that says what will happen; the
//! button on that page sends the same form again with `confirm`.

mod audit;
mod changes;
mod dead_letters;
mod letter_choice;
mod long_action;
mod reads;

use axum::response::Response;
use contracts::ids::UserId;
use platform::{
    error_chain,
    http::{
        endpoints::{Endpoints, OPERATOR},
        problem::Problem,
    },
};

pub use self::{
    dead_letters::PAGE_SIZE as LETTERS_PER_PAGE,
    letter_choice::LettersQuery,
    reads::{MAX_ACTIONS, not_read},
};
use super::{Api, Form, form::see};
use crate::{metrics, pages::Visit, repository::NewAction};

/// The page to which the form of a short action leads: the log, with the result of the action at the top.
const DONE: &str = "/console/operator/actions?done=yes";
/// The maximum number of characters of the subject or the result of an action in the log of actions, which is kept for ever.
const MAX_RECORDED_CHARS: usize = 1_000;

pub fn endpoints() -> Endpoints<Api> {
    let path = |end: &str| format!("/console/api/operator/{end}");
    Endpoints::default()
        .get(OPERATOR, &path("services"), "The state of each service", reads::services)
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
            reads::outbox,
        )
        .get(
            OPERATOR,
            &path("lag"),
            "The lag of each consumer group by partition, now and over the last 15 minutes",
            reads::lag,
        )
        .get(OPERATOR, &path("audit"), "The audit that runs, and the result of the last one", audit::show)
        .get(OPERATOR, &path("couriers"), "The couriers, with their orders", reads::couriers)
        .get(OPERATOR, &path("actions"), "The log of operators' actions", reads::actions)
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

/// Returns true if a request must still be confirmed.
fn is_question(form: &Form) -> bool {
    form.is_form && !form.is_set("confirm")
}

/// Returns the operator's login for the journal of dead letters, or the operator's uuid if iam does not respond.
async fn login(api: &Api, visit: &Visit) -> String {
    let user = api.iam.user(&visit.session).await.ok().and_then(|user| user.info);
    user.map_or_else(|| visit.user.uuid.to_string(), |info| info.login)
}

/// Records an action with its outcome `answer`, and responds to a form with the log. `subject` is what the action was
/// applied to.
async fn answered<T>(
    api: &Api,
    visit: &Visit,
    form: &Form,
    action: &'static str,
    subject: String,
    answer: Result<(String, T), Problem>,
    respond: impl FnOnce(T) -> Response,
) -> Result<Response, Problem> {
    let result = match &answer {
        Ok((result, _)) => result.clone(),
        Err(problem) => problem.code.to_owned(),
    };
    metrics::acted(action);
    record(api, visit, action, &subject, &result).await;
    let (_, answer) = answer?;
    Ok(if form.is_form { see(DONE) } else { respond(answer) })
}

/// Writes an action into the log of actions. A database error is only logged, because the action is done already.
async fn record(api: &Api, visit: &Visit, action: &'static str, subject: &str, result: &str) {
    let (subject, result) = (storable(subject), storable(result));
    let entry = NewAction { operator: UserId::new(visit.user.uuid), action, subject, result };
    if let Err(error) = api.actions.add(&entry).await {
        tracing::error!(action, error = error_chain(error), "an operator's action was not recorded");
    }
}

/// Returns at most [`MAX_RECORDED_CHARS`] of a text, without control characters: PostgreSQL cannot store U+0000.
fn storable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_RECORDED_CHARS).collect()
}
