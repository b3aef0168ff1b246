//! The requirements on every answer.

use axum::response::Response;
use http::header;
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::operation::document;
use crate::system::HttpApi;

/// The longest body of a problem; a longer one repeats too much of the request.
const MAX_BODY_LENGTH: usize = 2_048;

/// Asserts that the answer is a success, a redirection, or a problem that the document declares. A page for a browser
/// must have the status of a declared problem, and no markup from the request.
pub async fn check(api: HttpApi, asked: &str, is_head: bool, response: Response) {
    let (parts, body) = response.into_parts();
    let status = parts.status.as_u16();
    // All dependencies are available, so there is no reason for 500 or 503.
    assert!(status < 500, "{asked} is answered {status}");
    if status < 400 {
        return;
    }
    let media_type = parts.headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let shown = media_type.map(String::from_utf8_lossy);
    if api == HttpApi::Intake && media_type.is_some_and(|kind| kind.starts_with(b"text/html")) {
        let is_declared = document(api).problems.iter().any(|(declared, _)| *declared == status);
        assert!(is_declared, "{asked} is answered a page with {status}, which the document does not declare");
        let page = body.collect().await.expect("a body in memory").to_bytes();
        assert!(
            !page.windows(7).any(|part| part.eq_ignore_ascii_case(b"<script")),
            "{asked} gets markup into the page"
        );
        return;
    }
    assert_eq!(media_type, Some(&b"application/problem+json"[..]), "{asked} is answered {status} as {shown:?}");
    assert!(status != 405 || parts.headers.contains_key(header::ALLOW), "{asked} is answered {status} without Allow");
    if is_head {
        return;
    }
    let body = body.collect().await.expect("a body in memory").to_bytes();
    assert!(body.len() <= MAX_BODY_LENGTH, "{asked} is answered {} bytes", body.len());
    let problem: Value = serde_json::from_slice(&body).expect("a problem is JSON");
    for member in ["type", "title", "detail", "message", "code"] {
        let text = problem[member].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{asked}: {member} is missing in {problem}");
    }
    assert_eq!(problem["status"], status, "{asked}: {problem}");
    let code = problem["code"].as_str().unwrap_or_default();
    let is_declared = document(api).problems.contains(&(status, code.to_owned()));
    assert!(is_declared, "{asked} is answered {status} {code}, which the document does not declare");
    if code == "INVALID_REQUEST" {
        let field = problem["field"].as_str().unwrap_or_default();
        let names_it = problem["message"].as_str().is_some_and(|message| message.starts_with(field));
        assert!(!field.is_empty() && names_it, "{asked}: no field is named in {problem}");
    }
}
