//! `GET /console/operator/actions`: restocking, withdrawing an identity check, and the log of actions.

use askama::Template;
use axum::{extract::State, response::Response};
use contracts::proto::inventory::v1::Part;
use platform::http::query::QueryParameters;
use serde::Deserialize;
use tonic::Status;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Outcome;
use crate::{
    api::{Api, MAX_ACTIONS, Visit, of_operations},
    model::Action,
    pages::{
        format::Moment,
        frame::{Layout, layout, page},
        parts,
        refusal::{Refusal, or_missing},
        words,
    },
};

/// The maximum number of parts to choose from. The API can restock any part.
const MAX_PARTS: usize = 500;

#[derive(Default, Deserialize, ToSchema)]
pub struct ActionsQuery {
    /// Not empty if an action has just ended, whose result the page then shows.
    #[serde(default)]
    done: String,
}

#[derive(Template)]
#[template(path = "operator-actions.html")]
struct Actions {
    layout: Layout,
    parts: Vec<Part>,
    /// The newest first.
    actions: Vec<Action>,
    /// The visitor.
    user: String,
    outcome: Option<Outcome>,
    problem: Option<Refusal>,
}

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    QueryParameters(query): QueryParameters<ActionsQuery>,
) -> Response {
    let (layout, parts, actions) = tokio::join!(
        layout(&api, &visit, "operator"),
        parts::all(&api.services),
        api.operations.actions(None, MAX_ACTIONS)
    );
    let (actions, status, problem) = or_missing(actions.map_err(|status| of_operations(&status)));
    let user = visit.user.uuid.to_string();
    let own = actions.iter().find(|action| action.operator_uuid == user).filter(|_| !query.done.is_empty());
    let outcome = own.map(outcome);
    let mut parts = parts.unwrap_or_default();
    parts.truncate(MAX_PARTS);
    page(status, &Actions { layout, parts, actions, user, outcome, problem })
}

impl Actions {
    /// The entry of the navigation for this page.
    const TAB: &'static str = "actions";

    fn at(action: &Action) -> Moment {
        Moment(action.at)
    }

    fn what(action: &Action) -> &str {
        words::action(&action.action)
    }
}

fn outcome(action: &Action) -> Outcome {
    let Action { at, action, subject, result, .. } = action;
    let lines = vec![subject.clone(), Moment(*at).to_string()];
    Outcome { title: format!("{}: {result}", words::action(action)), lines, is_trouble: false }
}

/// Returns the name of a part. Fails if there is no such part.
pub async fn part_name(api: &Api, part: &str) -> Result<String, Status> {
    let part = Uuid::try_parse(part).ok();
    let found = parts::of_uuids(&api.services, part).await?.into_iter().next();
    found.map(|part| part.name).ok_or_else(|| Status::not_found("part not found"))
}
