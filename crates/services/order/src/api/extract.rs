//! Extractors for the caller, the order in the path, the idempotency key and the body of a request.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, StatusCode, request::Parts},
};
use contracts::ids::{OrderId, UserId};
use platform::{auth::Caller, ids, json, problem::Problem};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::model::Claim;

/// The name of the header whose value makes a request safe to repeat.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The maximum length of an idempotency key, in bytes.
const KEY_LENGTH: usize = 255;

/// The authenticated user who sent the request.
pub struct User(pub UserId);

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::User(user)) => Ok(Self(UserId::new(user.uuid))),
            // Orders belong to users, so a service cannot call these endpoints.
            _ => Err(Problem::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION", "Authentication failed")),
        }
    }
}

/// The header's OpenAPI description.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "`Posted::claim` reads the header")]
pub struct IdempotencyKey {
    /// Repeats of the request get the same answer for 24 hours.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = r#"^(?!""$)[!-~]([ -~]*[!-~])?$"#
    )]
    key: String,
}

/// The order that the request's path names.
pub struct OrderUuid(pub OrderId);

impl<S: Send + Sync> FromRequestParts<S> for OrderUuid {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = RawPathParams::from_request_parts(parts, state).await.ok();
        let (name, text) = path.iter().flat_map(RawPathParams::iter).next().unwrap_or(("order_uuid", ""));
        let uuid = Uuid::try_parse(text).ok().map(OrderId::new);
        uuid.map(Self).ok_or_else(|| Problem::invalid(name, "is not a uuid"))
    }
}

/// A POST request's headers and body. The body is read once.
pub struct Posted {
    headers: HeaderMap,
    method_and_path: String,
    body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let method_and_path = format!("{} {}", request.method(), request.uri().path());
        let body = Bytes::from_request(request, state).await.map_err(|rejection| json::unreadable(&rejection))?;
        Ok(Self { headers, method_and_path, body })
    }
}

impl Posted {
    /// Parses the body as JSON. An error names the invalid field.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        json::parse(&self.headers, &self.body)
    }

    /// Returns the claim on the request's idempotency key, if it has one.
    pub fn claim(&self, user: UserId) -> Result<Option<Claim>, Problem> {
        let mut values = self.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let wrong = |problem| Problem::invalid("Idempotency-Key", problem);
        if values.next().is_some() {
            return Err(wrong("is there more than once"));
        }
        let text = value.to_str().map_err(|_| wrong("has characters that are not visible ASCII"))?.trim();
        // The IETF draft of the header requires a quoted string (RFC 8941), but most clients send the key without quotes.
        let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        if key.is_empty() || key.len() > KEY_LENGTH {
            return Err(wrong("must have 1 to 255 characters"));
        }
        let mut hash = Sha256::new();
        hash.update(self.method_and_path.as_bytes());
        hash.update([0]);
        hash.update(&self.body);
        Ok(Some(Claim { user, key: key.to_owned(), fingerprint: hash.finalize().to_vec(), token: ids::random() }))
    }
}
