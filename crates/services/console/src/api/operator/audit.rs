//! `GET` and `POST /console/api/operator/audit`: the audit of the whole shop, one at a time.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use platform::problem::Problem;

use super::{is_question, record};
use crate::{
    api::{Api, Form, form::see},
    metrics,
    pages::{self, Question, Visit},
};

const ACTION: &str = "audit";
const PAGE: &str = "/console/operator/audit";

pub async fn show(State(api): State<Api>) -> Response {
    Json(api.audits.now()).into_response()
}

pub async fn audit(State(api): State<Api>, visit: Visit, form: Form) -> Result<Response, Problem> {
    if is_question(&form) {
        let question = Question {
            title: "Run the audit?".to_owned(),
            effects: vec![
                "It reads every row and record of the shop: with many orders this takes time and memory.".to_owned(),
                "It changes nothing but this: it registers a user whose login begins with audit-, to see that a closed session is refused."
                    .to_owned(),
                "It waits up to 30 seconds until no work is pending.".to_owned(),
            ],
            button: "Yes, run it",
            back: PAGE,
            ..Question::of(&form, "/console/api/operator/audit")
        };
        return Ok(pages::confirm(&api, &visit, question).await);
    }
    let busy = || Problem::new(StatusCode::CONFLICT, "CONFLICT", "an audit is running; wait until it has ended");
    let turn = api.audits.begin("Auditing the shop").ok_or_else(busy)?;
    metrics::acted(ACTION);
    record(&api, &visit, ACTION, String::new(), "begun".to_owned()).await;
    let own = api.clone();
    tokio::spawn(async move {
        let result = own.operations.audit(turn.progress()).await;
        let said = match &result {
            Ok(audited) => audited.summary.clone(),
            Err(error) => format!("{error:#}"),
        };
        record(&own, &visit, ACTION, String::new(), said).await;
        turn.end(result);
    });
    Ok(if form.is_form { see(PAGE) } else { (StatusCode::ACCEPTED, Json(api.audits.now())).into_response() })
}
