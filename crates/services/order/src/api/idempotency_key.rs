//! The header `Idempotency-Key`, which makes a request safe to repeat.

use axum::http::HeaderMap;
use platform::http::problem::Problem;
use utoipa::IntoParams;

const HEADER: &str = "idempotency-key";
/// The maximum length of a key in bytes.
const KEY_LENGTH: usize = 255;

/// The header's OpenAPI description.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "`read` reads the header")]
pub struct IdempotencyKey {
    /// Repeats of the request get the same answer for 24 hours, with the header `Idempotency-Replayed: true`.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = r#"^(?!""$)[!-~]([ -~]*[!-~])?$"#
    )]
    key: String,
}

/// Returns the key of a request, if it has one. Fails if the header is repeated, or its value is no valid key.
pub fn read(headers: &HeaderMap) -> Result<Option<String>, Problem> {
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
