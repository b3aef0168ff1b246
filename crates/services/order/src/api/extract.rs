//! Extractors for the caller, the order in the path, and a request that is safe to retry.

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, StatusCode, header::CONTENT_LENGTH, request::Parts},
};
use contracts::ids::{OrderId, UserId};
use platform::{
    auth::Caller,
    http::{BODY_LIMIT, json, problem::Problem},
    ids,
};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

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

const HEADER: &str = "idempotency-key";
/// The maximum length of a key in bytes.
const KEY_LENGTH: usize = 255;

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "`read` reads the header")]
pub struct IdempotencyKey {
    /// Retries of the request get the same response for 24 hours, with the header `Idempotency-Replayed: true`.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = r#"^(?!""$)[!-~]([ -~]*[!-~])?$"#
    )]
    key: String,
}

/// A POST request's body, of at most `LIMIT` bytes, and idempotency key. An invalid key, or a length above `LIMIT`, is
/// refused before the body is read.
pub struct IdempotentRequest<const LIMIT: usize = BODY_LIMIT> {
    key: Option<String>,
    method_and_path: Sha256,
    body: Bytes,
}

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for IdempotentRequest<LIMIT> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Problem> {
        let key = read(request.headers())?;
        let (method, path) = (request.method().as_str(), request.uri().path());
        let method_and_path = Sha256::new_with_prefix(method).chain_update(" ").chain_update(path);
        // A client that waits for `100 Continue` is refused before it sends a body that is too large for this endpoint.
        let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        if length.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > LIMIT) {
            return Err(json::too_large(LIMIT));
        }
        DefaultBodyLimit::max(LIMIT).apply(&mut request);
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|rejection| json::unreadable(&rejection, LIMIT))?;
        Ok(Self { key, method_and_path, body })
    }
}

impl<const LIMIT: usize> IdempotentRequest<LIMIT> {
    /// The body as JSON. An error names the invalid fields. [`json::IsJson`] has checked the media type.
    pub fn json<T: DeserializeOwned + ToSchema>(&self) -> Result<T, Problem> {
        json::decode(&self.body)
    }

    pub fn claim(self, user: UserId) -> Option<Claim> {
        let key = self.key?;
        let fingerprint = self.method_and_path.chain_update([0]).chain_update(&self.body).finalize().to_vec();
        Some(Claim { user, key, fingerprint, token: ids::random() })
    }
}

/// Returns the key of a request, if it has one. Fails if the header is repeated, or its value is not a valid key.
fn read(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let wrong = |problem| Problem::invalid("Idempotency-Key", problem);
    if values.next().is_some() {
        return Err(wrong("must be sent at most once"));
    }
    let text = value.to_str().map_err(|_| wrong("must be visible ASCII"))?.trim();
    // The IETF draft of the header requires a quoted string (RFC 8941), but most clients send the key without quotes.
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if key.is_empty() || key.len() > KEY_LENGTH {
        return Err(wrong("must have 1 to 255 characters"));
    }
    Ok(Some(key.to_owned()))
}
