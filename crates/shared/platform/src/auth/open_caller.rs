//! The caller of a request to an HTTP API that may be open to everyone.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{Caller, User, operator_reads};
use crate::http::request_path;

/// The caller that the guard identified; `None` if the API is open to everyone.
pub struct OpenCaller {
    known: Option<Caller>,
    path: String,
}

impl<S: Sync> FromRequestParts<S> for OpenCaller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let path = request_path::shown(&parts.extensions, &parts.uri).into_owned();
        Ok(Self { known: parts.extensions.get().cloned(), path })
    }
}

impl OpenCaller {
    pub fn known(&self) -> Option<&Caller> {
        self.known.as_ref()
    }

    pub fn user(&self) -> Option<&User> {
        match &self.known {
            Some(Caller::User(user)) => Some(user),
            _ => None,
        }
    }

    /// Returns true for operators, for services, and for every caller of an open API. Records an operator's use of the
    /// role to read.
    pub fn may_operate(&self) -> bool {
        if let Some(user) = self.user()
            && user.is_operator
        {
            operator_reads::record(user.uuid, &self.path, None);
        }
        self.known.as_ref().is_none_or(Caller::may_operate)
    }
}
