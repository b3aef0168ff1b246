//! `GET /console/operator/actions`: restocking, withdrawing an identity check, and the log of actions.

use axum::{extract::State, response::Response};
use platform::http::query::QueryParameters;
use serde::Deserialize;
use tonic::Status;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{layout, system::shown};
use crate::{
    api::{Api, MAX_ACTIONS, Visit, of_error},
    pages::{
        frame::page,
        parts,
        views::operator::{Outcome, actions::Actions},
        words,
    },
    repository::Action,
};

/// The maximum number of parts to choose from. The API can restock any part.
const MAX_PARTS: usize = 500;

#[derive(Default, Deserialize, ToSchema)]
pub struct ActionsQuery {
    /// Not empty if an action has just ended, whose result the page then shows.
    #[serde(default)]
    done: String,
}

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    QueryParameters(query): QueryParameters<ActionsQuery>,
) -> Response {
    let (layout, parts, actions) =
        tokio::join!(layout(&api, &visit), parts::all(&api.services), api.actions.latest(MAX_ACTIONS));
    let actions = actions.map_err(of_error);
    let (status, problem) = shown(actions.as_ref().err());
    let (actions, user) = (actions.unwrap_or_default(), visit.user.uuid);
    let own = actions.iter().find(|action| action.operator_uuid == user).filter(|_| !query.done.is_empty());
    let outcome = own.map(outcome);
    let mut parts = parts.unwrap_or_default();
    parts.truncate(MAX_PARTS);
    page(status, &Actions { layout, parts, actions, user, outcome, problem })
}

fn outcome(action: &Action) -> Outcome {
    let Action { at, action, subject, result, .. } = action;
    let lines = vec![subject.clone(), at.format("%-d %b %Y, %H:%M:%S UTC").to_string()];
    Outcome { title: format!("{}: {result}", words::action(action)), lines, is_trouble: false }
}

/// Returns the name of a part. Fails if there is no such part.
pub async fn part_name(api: &Api, part: &str) -> Result<String, Status> {
    let part = Uuid::try_parse(part).ok();
    let found = parts::of_uuids(&api.services, part).await?.into_iter().next();
    found.map(|part| part.name).ok_or_else(|| Status::not_found("part not found"))
}
