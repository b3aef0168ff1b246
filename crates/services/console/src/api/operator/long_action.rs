//! An action that continues after its response. The log of actions gets an entry when the action begins and one when it
//! ends, even if it ends because the service stops.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use platform::{auth::role_used_on_name, http::problem::Problem};
use serde::Serialize;

use super::{begin, end};
use crate::{
    api::{Api, Form, Visit, form::see},
    client::OnProgress,
    service::Work,
};

pub struct LongAction {
    /// The title of the action, such as `Replaying dead letters`.
    pub title: &'static str,
    /// The action's name in the log and in the metric.
    pub action: &'static str,
    /// What the action is applied to.
    pub subject: String,
    /// The page that shows its progress.
    pub page: &'static str,
    /// The message of the refusal while another action of this kind runs.
    pub busy: &'static str,
}

impl LongAction {
    /// Starts the work, and responds at once. `said` converts the result of the work to the text for the log.
    pub async fn begin<T, F>(
        self,
        (api, visit, form): (&Api, &Visit, &Form),
        work: &Work<T>,
        run: impl FnOnce(OnProgress) -> F,
        said: impl FnOnce(&T) -> String + Send + 'static,
    ) -> Result<Response, Problem>
    where
        T: Serialize + Send + Sync + 'static,
        F: Future<Output = anyhow::Result<T>> + Send + 'static,
    {
        let Self { title, action, subject, page, busy } = self;
        let turn = work.begin(title).ok_or_else(|| Problem::new(StatusCode::CONFLICT, "CONFLICT", busy))?;
        if !subject.is_empty() {
            role_used_on_name(&subject);
        }
        let begun = begin(api, visit, action, &subject).await?;
        let own = api.clone();
        api.long_actions.spawn(run(turn.progress()), move |result| async move {
            let text = match &result {
                Ok(done) => said(done),
                Err(error) => format!("{error:#}"),
            };
            end(&own, begun, &text).await;
            turn.end(result);
        });
        Ok(if form.is_form { see(page) } else { (StatusCode::ACCEPTED, Json(work.now())).into_response() })
    }
}
