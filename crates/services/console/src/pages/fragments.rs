//! Fragments: parts of a page that the page's script reloads.

use axum::{
    extract::Request,
    http::HeaderName,
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};

/// The header by which a browser says how it uses the response. Other clients do not send it.
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Middleware: redirects a visitor who opens a fragment to its page. The page's path is the fragment's without the last
/// segment.
pub async fn in_page(request: Request, next: Next) -> Response {
    let is_opened = request.headers().get(FETCH_MODE).is_some_and(|mode| mode == "navigate");
    match request.uri().path().rsplit_once('/') {
        Some((page, part)) if is_opened => Redirect::to(&format!("{page}#{part}")).into_response(),
        _ => next.run(request).await,
    }
}
