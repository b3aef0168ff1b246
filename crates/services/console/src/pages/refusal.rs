//! Refusals and failures in words that a customer understands.

use axum::http::StatusCode;
use platform::http::problem::Problem;

use super::views::layout;
use crate::model::refusal;

/// Returns a problem as the pages show it.
pub fn shown(problem: &Problem) -> layout::Problem {
    let shown = of_code(problem.code, &problem.message, problem.field.as_deref());
    match &*problem.errors {
        [] | [_] => shown,
        errors => {
            let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
            let fields = errors.iter().map(|error| error.field.to_string()).collect();
            layout::Problem { detail: texts.join("; "), fields, ..shown }
        }
    }
}

/// Returns the problem of a code, as the pages show it. If the code has no text, `message` is shown.
pub fn of_code(code: &str, message: &str, field: Option<&str>) -> layout::Problem {
    let (_, title, detail) = refusal(code).unwrap_or(("", "That did not work", ""));
    let detail = if detail.is_empty() { message } else { detail };
    layout::Problem {
        title: title.to_owned(),
        detail: detail.to_owned(),
        fields: field.map(str::to_owned).into_iter().collect(),
    }
}

pub fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
