//! The HTTP API, a file per group of endpoints, and the HTML pages.

mod orders;
mod pages;
mod place_order;
mod problems;
mod routes;

use axum::extract::FromRef;
pub use routes::{RULES, document, router};

use crate::service::IntakeService;

/// The state that the endpoints share.
#[derive(Clone)]
pub struct Api {
    pub service: IntakeService,
    /// The API is served without authentication.
    pub is_open: bool,
}

impl FromRef<Api> for IntakeService {
    fn from_ref(api: &Api) -> Self {
        api.service.clone()
    }
}
