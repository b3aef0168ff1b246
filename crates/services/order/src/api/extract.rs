//! Extractors for the caller, the order in the path, and the body of a request with its idempotency key.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{StatusCode, request::Parts},
};
use contracts::ids::{OrderId, UserId};
use platform::{
    auth::Caller,
    http::{json, problem::Problem},
    ids,
};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use utoipa::PartialSchema;
use uuid::Uuid;

use super::idempotency_key;
use crate::model::Claim;

/// The authenticated user who sent the request.
pub struct User(pub UserId);

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::User(user)) => Ok(Self(UserId::new(user.uuid))),
            // Orders belong to users: a service has none.
            _ => Err(Problem::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION", "Authentication failed")),
        }
    }
}

/// The order that the request's path names.
pub struct OrderPath(pub OrderId);

impl<S: Send + Sync> FromRequestParts<S> for OrderPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = RawPathParams::from_request_parts(parts, state).await.ok();
        let (name, text) = path.iter().flat_map(RawPathParams::iter).next().unwrap_or(("order_uuid", ""));
        let uuid = Uuid::try_parse(text).ok().map(OrderId::new);
        uuid.map(Self).ok_or_else(|| Problem::invalid(name, "must be a uuid"))
    }
}

/// A POST request's body and idempotency key. A wrong key is refused before the body is read.
pub struct IdempotentRequest {
    key: Option<String>,
    method_and_path: String,
    body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for IdempotentRequest {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let key = idempotency_key::read(request.headers())?;
        let method_and_path = format!("{} {}", request.method(), request.uri().path());
        let body = Bytes::from_request(request, state).await.map_err(|rejection| json::unreadable(&rejection))?;
        Ok(Self { key, method_and_path, body })
    }
}

impl IdempotentRequest {
    /// The body as JSON. An error names the invalid fields. [`json::IsJson`] has checked the media type.
    pub fn json<T: DeserializeOwned + PartialSchema>(&self) -> Result<T, Problem> {
        json::decode_own(&self.body)
    }

    /// Returns the claim on the request's idempotency key, if it has one.
    pub fn claim(self, user: UserId) -> Option<Claim> {
        let key = self.key?;
        let mut hash = Sha256::new();
        hash.update(self.method_and_path.as_bytes());
        hash.update([0]);
        hash.update(&self.body);
        Some(Claim { user, key, fingerprint: hash.finalize().to_vec(), token: ids::random() })
    }
}
