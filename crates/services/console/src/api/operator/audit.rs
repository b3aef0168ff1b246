//! `GET` and `POST /console/api/operator/audit`: the audit of the whole shop. One runs at a time.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use platform::http::problem::Problem;

use super::{begun, is_question};
use crate::{
    api::{Api, Form, Visit, not_read},
    pages::{self, Confirmation},
};

const PAGE: &str = "/console/operator/audit";

pub async fn show(State(api): State<Api>) -> Result<Response, Problem> {
    let audits = api.operations.audits().await.map_err(|status| not_read("the audit", &status))?;
    Ok(Json(audits).into_response())
}

pub async fn audit(State(api): State<Api>, visit: Visit, form: Form) -> Result<Response, Problem> {
    if is_question(&form) {
        let confirmation = Confirmation {
            title: "Run the audit?".to_owned(),
            effects: vec![
                "It reads every row and record of the shop: with many orders this takes time and memory.".to_owned(),
                "It changes nothing but this: it registers a user whose login begins with audit-, to see that a closed session is refused, and deletes it."
                    .to_owned(),
                "It waits up to 30 seconds until no work is pending.".to_owned(),
            ],
            button: "Yes, run it",
            back: PAGE,
            ..Confirmation::new(&form, "/console/api/operator/audit")
        };
        return Ok(pages::confirm(&api, &visit, confirmation).await);
    }
    begun(&form, PAGE, api.operations.audit().await)
}
