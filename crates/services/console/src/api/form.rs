//! Request bodies: JSON from a program, or a form from a page without scripts.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use platform::http::problem::Problem;
use serde_json::{Map, Value};

/// The members of a body. A form's values are texts.
#[derive(Debug, Default)]
pub struct Form {
    pub members: Map<String, Value>,
    /// True for a form, whose response is a page.
    pub is_form: bool,
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let is_form = is_form(request.headers());
        let body = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let members = if body.is_empty() { Ok(Map::new()) } else { members(is_form, &body) };
        members.map(|members| Self { members, is_form }).map_err(IntoResponse::into_response)
    }
}

/// A form from a page, or the body of a program's request, which another service decodes.
pub enum Sent {
    Form(Form),
    Program(Bytes),
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        if is_form(request.headers()) {
            return Form::from_request(request, state).await.map(Self::Form);
        }
        let body = Bytes::from_request(request, state).await;
        body.map(Self::Program).map_err(IntoResponse::into_response)
    }
}

pub fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/x-www-form-urlencoded")
}

fn members(is_form: bool, body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if is_form {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_bytes(body).map_err(|error| Problem::invalid("body", error))?;
        return Ok(pairs.into_iter().map(|(name, value)| (name, value.into())).collect());
    }
    serde_json::from_slice(body).map_err(|_| Problem::invalid("body", "must be a JSON object"))
}

impl Form {
    /// Returns a member that must be a string.
    pub fn text(&self, name: &'static str) -> Result<String, Problem> {
        if !self.members.contains_key(name) {
            return Err(Problem::invalid(name, "is required"));
        }
        self.optional_text(name).map(str::to_owned)
    }

    /// Returns a member that must be a string, or an empty text if it is absent.
    pub fn optional_text(&self, name: &'static str) -> Result<&str, Problem> {
        match self.members.get(name) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(Problem::invalid(name, "must be a string")),
            None => Ok(""),
        }
    }

    /// Returns a whole number, which a form sends as a text.
    pub fn number(&self, name: &'static str) -> Result<i64, Problem> {
        let number = match self.members.get(name) {
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_i64(),
            None => return Err(Problem::invalid(name, "is required")),
        };
        number.ok_or_else(|| Problem::invalid(name, "must be a whole number"))
    }

    /// Returns true if a member is true, or if a form's checkbox is checked.
    pub fn is_set(&self, name: &str) -> bool {
        match self.members.get(name) {
            Some(Value::Bool(is_set)) => *is_set,
            Some(Value::String(text)) => ["true", "yes", "on", "1"].contains(&text.as_str()),
            _ => false,
        }
    }
}

/// Returns the response to a form: a redirection to `path` or, if `path` is not below `/console`, to the first page.
pub fn see(path: &str) -> Response {
    let is_own =
        path.starts_with("/console/") && !path.contains(|c: char| c == '\\' || c.is_control()) && !path.contains("//");
    Redirect::to(if is_own { path } else { "/console/" }).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_to_a_page_of_the_console_and_nowhere_else() {
        for (path, expected) in [
            ("/console/orders", "/console/orders"),
            ("//evil.example", "/console/"),
            ("/console//evil.example", "/console/"),
            ("https://evil.example/console/", "/console/"),
            ("/console/\u{1}", "/console/"),
            ("/console/\u{7f}", "/console/"),
        ] {
            assert_eq!(see(path).headers()[header::LOCATION], expected, "{path}");
        }
    }

    #[test]
    fn a_number_is_read_from_a_form_and_from_json() {
        let form = |is_form, body: &str| Form { members: members(is_form, body.as_bytes()).unwrap(), is_form };

        assert_eq!(form(true, "speed=2").number("speed").unwrap(), 2);
        assert_eq!(form(false, r#"{"speed":2}"#).number("speed").unwrap(), 2);
        assert_eq!(form(true, "speed=fast").number("speed").unwrap_err().message, "speed: must be a whole number");
        assert!(members(false, b"[]").is_err());
    }
}
