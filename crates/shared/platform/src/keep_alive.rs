//! Closes HTTP/1.1 keep-alive connections during the drain, while the server still serves.
//!
//! HTTP/2 has GOAWAY. Over HTTP/1.1 a server can only close an idle connection, and a request that is on its way at that moment
//! is lost. Responses during the drain say `Connection: close`, so that the next request goes over a new connection, to another replica.

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, Version, header::CONNECTION},
    middleware::{self, Next},
};
use tokio_util::sync::CancellationToken;

/// Serves `router`, and keeps connections open until `stop`.
pub fn until(router: Router, stop: CancellationToken) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let stop = stop.clone();
        async move {
            let has_header = request.version() <= Version::HTTP_11;
            let mut response = next.run(request).await;
            if has_header && stop.is_cancelled() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }))
}
