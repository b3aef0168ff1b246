//! Refusals and failures in words that a customer understands.

use axum::http::StatusCode;
use platform::http::problem::Problem;

use crate::model::refusal;

/// Why a request was refused or failed, as the pages show it.
pub struct Refusal {
    pub title: String,
    pub detail: String,
    /// The names of the form's fields that the problem is about.
    pub fields: Vec<String>,
}

/// Returns true if the problem is about a field of the form.
pub fn concerns(problem: Option<&Refusal>, field: &str) -> bool {
    problem.is_some_and(|problem| problem.fields.iter().any(|name| name == field))
}

pub fn shown(problem: &Problem) -> Refusal {
    let shown = of_code(problem.code, &problem.message, problem.field.as_deref());
    match &*problem.errors {
        [] | [_] => shown,
        errors => {
            let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
            let fields = errors.iter().map(|error| error.field.to_string()).collect();
            Refusal { detail: texts.join("; "), fields, ..shown }
        }
    }
}

/// Returns the problem of a code. If the code has no text, `message` is shown.
pub fn of_code(code: &str, message: &str, field: Option<&str>) -> Refusal {
    let (_, title, detail) = refusal(code).unwrap_or(("", "That did not work", ""));
    let detail = if detail.is_empty() { message } else { detail };
    Refusal {
        title: title.to_owned(),
        detail: detail.to_owned(),
        fields: field.map(str::to_owned).into_iter().collect(),
    }
}

pub fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Returns the data of a page, or the default if the read failed; the status of the page; and the problem that explains
/// why data is missing.
pub fn or_missing<T: Default>(read: Result<T, Problem>) -> (T, StatusCode, Option<Refusal>) {
    match read {
        Ok(read) => (read, StatusCode::OK, None),
        Err(problem) => (T::default(), status(&problem), Some(shown(&problem))),
    }
}
