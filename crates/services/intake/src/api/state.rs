//! The state that the endpoints share.

use axum::extract::FromRef;

use crate::service::IntakeService;

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
