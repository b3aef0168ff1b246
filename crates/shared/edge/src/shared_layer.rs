//! Layers whose service is shared by all requests.
//!
//! An axum route clones its service for each request, and a middleware function clones the service behind it once more.
//! Each clone allocates every service down to the handler, so a request through n layers would allocate about n²
//! services. A shared layer's service is behind an [`Arc`], where such a copy ends, so that the cost grows linearly.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::extract::Request;
use tower::{Layer, Service, layer::util::Stack};

/// Makes a layer share its service. Use it for every layer on the path of a request.
pub fn shared<L>(layer: L) -> Stack<L, SharedLayer> {
    Stack::new(layer, SharedLayer)
}

#[derive(Clone, Copy)]
pub struct SharedLayer;

impl<S> Layer<S> for SharedLayer {
    type Service = Shared<S>;

    fn layer(&self, service: S) -> Shared<S> {
        Shared(Arc::new(service))
    }
}

pub struct Shared<S>(Arc<S>);

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Service<Request, Error = Infallible> + Clone> Service<Request> for Shared<S> {
    type Response = S::Response;
    type Error = Infallible;
    type Future = S::Future;

    /// Services of axum are always ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        S::clone(&self.0).call(request)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::{
        Router,
        body::Body,
        extract::State,
        middleware::{Next, from_fn},
        routing::get,
    };
    use tower::ServiceExt as _;

    use super::*;

    /// A handler's state that counts its copies.
    #[derive(Default)]
    struct Counted(Arc<AtomicUsize>);

    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::Relaxed);
            Self(self.0.clone())
        }
    }

    /// Returns how often a request through `layers` layers copies the handler's state.
    async fn copies(layers: usize) -> usize {
        let state = Counted::default();
        let count = state.0.clone();
        let mut router = Router::new().route("/", get(async |_: State<Counted>| ()));
        for _ in 0..layers {
            router = router.layer(shared(from_fn(async |request: Request, next: Next| next.run(request).await)));
        }
        let router: Router = router.with_state(state);
        let before = count.load(Ordering::Relaxed);

        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();

        assert!(response.status().is_success());
        count.load(Ordering::Relaxed) - before
    }

    #[tokio::test]
    async fn further_layers_do_not_copy_the_handler_again() {
        assert_eq!(copies(2).await, copies(12).await);
    }
}
