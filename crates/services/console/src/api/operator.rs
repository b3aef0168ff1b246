//! The operators' endpoints below `/console/api/operator`. Each action stands in the log of actions, also one that failed.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use contracts::ids::UserId;
use platform::problem::Problem;
use serde_json::json;
use tonic::Status;

use super::{Api, Form, of_error, of_status};
use crate::{metrics, pages::Visit, repository::NewAction};

/// The number of actions that are shown.
const ACTIONS: i64 = 200;

pub async fn actions(State(api): State<Api>) -> Result<Response, Problem> {
    let actions = api.actions.latest(ACTIONS).await.map_err(of_error)?;
    Ok(Json(json!({ "actions": actions })).into_response())
}

/// `POST /console/api/operator/couriers {name, speed}`
pub async fn add_courier(State(api): State<Api>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let (name, speed) = (form.text("name")?, form.number("speed")?);
    let speed = i32::try_from(speed).map_err(|_| Problem::invalid("speed", "must be 1 to 100"))?;
    let added = api.delivery.add_courier(name, speed).await;
    let courier = done(&api, &visit, "courier", |added: &String| added.clone(), "delivery", added).await?;
    Ok((StatusCode::CREATED, Json(json!({ "courier_id": courier }))).into_response())
}

/// `POST /console/api/operator/kyc-rollback {customer_id, reason}`
pub async fn roll_back_kyc(State(api): State<Api>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let customer = form.text("customer_id")?;
    let rolled_back = api.customers.roll_back(customer.clone(), form.text_or_empty("reason").to_owned()).await;
    let status = done(&api, &visit, "kyc-rollback", |_| customer.clone(), "customers", rolled_back).await?;
    Ok(Json(json!({ "kyc_status": status })).into_response())
}

/// Records an action with its result: what the service answered, or the code of its refusal. `subject` says on what it was.
async fn done(
    api: &Api,
    visit: &Visit,
    action: &'static str,
    subject: impl Fn(&String) -> String,
    service: &'static str,
    answer: Result<String, Status>,
) -> Result<String, Problem> {
    let answer = answer.map_err(|status| of_status(service, &status));
    let (subject, result) = match &answer {
        Ok(result) => (subject(result), result.clone()),
        Err(problem) => (subject(&String::new()), problem.code.to_owned()),
    };
    metrics::acted(action);
    let entry = NewAction { operator: UserId::new(visit.user.uuid), action, subject, result };
    // What was done is done, whether it can be recorded or not.
    if let Err(error) = api.actions.add(&entry).await {
        tracing::error!(
            action,
            error = format!("{:#}", anyhow::Error::from(error)),
            "an operator's action was not recorded"
        );
    }
    answer
}
