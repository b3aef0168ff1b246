//! Extractors: the caller, the order in the path, the idempotency key, the body.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use contracts::ids::{OrderId, UserId};
use platform::{auth::Caller, ids, problem::Problem};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::model::Claim;

/// The header whose value makes a request safe to repeat.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The longest key that is accepted, in bytes.
const KEY_LENGTH: usize = 255;

/// The authenticated user.
pub struct User(pub UserId);

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::User(user)) => Ok(Self(UserId::new(*user))),
            // Orders belong to users: a service has none.
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

/// The order in the path.
pub struct OrderUuid(pub OrderId);

impl<S: Send + Sync> FromRequestParts<S> for OrderUuid {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let uuid = path.ok().and_then(|Path(text)| Uuid::try_parse(&text).ok());
        uuid.map(|uuid| Self(OrderId::new(uuid))).ok_or_else(|| Problem::invalid("order_uuid", "is not a uuid"))
    }
}

/// A POST request's headers and body, read once.
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
        let body = Bytes::from_request(request, state).await.map_err(|rejection| refuse(&rejection))?;
        Ok(Self { headers, method_and_path, body })
    }
}

impl Posted {
    /// The body as JSON. An error names the field.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let media_type =
            self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                "the body must be application/json",
            ));
        }
        // serde would take an array for a struct, member by member.
        if !self.body.trim_ascii_start().starts_with(b"{") {
            return Err(Problem::invalid("body", "is not a JSON object"));
        }
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let error = error.into_inner();
            let text = error.to_string();
            let field = match path.as_str() {
                "." => missing(&text).unwrap_or("body"),
                path if error.is_data() => path,
                _ => "body",
            };
            Problem::invalid(field, error)
        })?;
        json.end().map_err(|error| Problem::invalid("body", error))?;
        Ok(value)
    }

    /// The claim on the request's idempotency key, if it has one.
    pub fn claim(&self, user: UserId) -> Result<Option<Claim>, Problem> {
        let mut values = self.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let wrong = |problem| Problem::invalid("Idempotency-Key", problem);
        if values.next().is_some() {
            return Err(wrong("is there more than once"));
        }
        let text = value.to_str().map_err(|_| wrong("has characters that are not visible ASCII"))?.trim();
        // The draft's form is a quoted string (RFC 8941); most clients send it bare.
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

/// The field that serde reports as missing.
fn missing(error: &str) -> Option<&str> {
    error.strip_prefix("missing field `")?.split('`').next()
}

fn refuse(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", "the body is larger than 64 KiB")
    } else {
        Problem::invalid("body", rejection.body_text())
    }
}
