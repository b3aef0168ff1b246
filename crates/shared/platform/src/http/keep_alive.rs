//! Closes HTTP/1.1 keep-alive connections during the drain, while the server still serves.
//!
//! Over HTTP/2 the server sends GOAWAY. Over HTTP/1.1 it can only close an idle connection, and would lose a request
//! that arrives at that moment. So responses during the drain carry `Connection: close`, and the client sends its next
//! request to another replica.

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, Version, header::CONNECTION},
    middleware::{self, Next},
};
use tokio_util::sync::CancellationToken;

use crate::shared_layer::shared;

/// Adds a layer to `router` that, after `stop`, closes each HTTP/1.1 connection with its next response.
pub fn until(router: Router, stop: CancellationToken) -> Router {
    router.layer(shared(middleware::from_fn(move |request: Request, next: Next| {
        let stop = stop.clone();
        async move {
            let has_header = request.version() <= Version::HTTP_11;
            let mut response = next.run(request).await;
            if has_header && stop.is_cancelled() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    })))
}
