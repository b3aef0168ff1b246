//! JSON bodies of HTTP requests. Errors name the invalid field.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::{
    http::{
        BODY_LIMIT,
        wrong_members::{self, BODY},
    },
    problem::Problem,
};

/// The body of a request, parsed from a JSON object. The rejection is a problem document that names the invalid fields.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned + ToSchema, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        check_media_type(request.headers())?;
        let body = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(&rejection, BODY_LIMIT))?;
        decode(&body).map(Self)
    }
}

/// Checks that the body's `Content-Type` is `application/json`. It does not read the body, so handlers put it before
/// the body's extractor.
pub struct IsJson;

impl<S: Sync> FromRequestParts<S> for IsJson {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        check_media_type(&parts.headers).map(|()| Self)
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "the body must be application/json",
        ));
    }
    Ok(())
}

/// Parses a JSON object. The problem document lists the invalid members, one error each, without their values.
pub fn decode<T: DeserializeOwned + ToSchema>(body: &[u8]) -> Result<T, Problem> {
    // serde would also accept an array for a struct, element by element.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::invalid(BODY, "must be a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| match serde_json::from_slice(body) {
        Ok(object) if error.is_data() => wrong_members::list::<T>(object).into(),
        whole => Problem::invalid(BODY, format_args!("is not JSON: {}", whole.err().unwrap_or(error))),
    })
}

/// Returns the refusal of a body that was not read. Bodies are limited to `limit` bytes, a multiple of 1 KiB.
pub fn unreadable(rejection: &BytesRejection, limit: usize) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        too_large(limit)
    } else {
        Problem::invalid("body", rejection.body_text())
    }
}

/// Returns the refusal of a body with more than `limit` bytes, a multiple of 1 KiB.
pub fn too_large(limit: usize) -> Problem {
    let limit = match limit >> 10 {
        kibibytes if kibibytes % 1024 == 0 => format!("{} MiB", kibibytes / 1024),
        kibibytes => format!("{kibibytes} KiB"),
    };
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", format!("the body is larger than {limit}"))
}

#[cfg(test)]
mod tests {
    use base::number;
    use serde::Deserialize;
    use uuid::Uuid;

    use super::*;
    use crate::invalid::MAX_FIELDS;

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read")]
    struct Order {
        user: Uuid,
        address: Option<String>,
        lines: Vec<Line>,
        #[serde(default)]
        note: String,
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read")]
    struct Line {
        #[serde(deserialize_with = "number::integer")]
        quantity: i64,
        gift: Option<bool>,
    }

    fn errors(body: &str) -> Vec<String> {
        let problem = decode::<Order>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.field.as_deref(), problem.errors.first().map(|first| &*first.field), "{body}");
        let shown = problem.errors.iter().map(|error| format!("{} {error}", error.code.as_str()));
        shown.collect()
    }

    #[test]
    fn all_invalid_members_are_listed_by_path_in_the_order_of_the_body_and_absent_ones_after_them() {
        let user = format!(r#""user": "{}""#, Uuid::from_u128(1));
        let strange = r"UNKNOWN \u{1b}q: is not known; use address, lines, note or user";
        for (body, expected) in [
            ("{}".to_owned(), vec!["REQUIRED user: is required", "REQUIRED lines: is required"]),
            (
                r#"{"usr": 1, "lines": [{"quantity": "x"}, {}, 1], "address": 5}"#.to_owned(),
                vec![
                    "UNKNOWN usr: is not known; did you mean user?",
                    "INVALID lines[0].quantity: must be a whole number",
                    "REQUIRED lines[1].quantity: is required",
                    "INVALID lines[2]: must be an object",
                    "INVALID address: must be a string",
                    "REQUIRED user: is required",
                ],
            ),
            (
                r#"{"lines": [], "lines": [], "user": 1}"#.to_owned(),
                vec!["REPEATED lines: must be sent at most once", "INVALID user: must be a uuid"],
            ),
            (
                format!(r#"{{{user}, "lines": [{{"quantity": 1, "quantity": 2, "price": 2}}]}}"#),
                vec![
                    "REPEATED lines[0].quantity: must be sent at most once",
                    "UNKNOWN lines[0].price: is not known; use gift or quantity",
                ],
            ),
            (
                format!(r#"{{{user}, "lines": [{{"quantity": 1, "gift": 1}}]}}"#),
                vec!["INVALID lines[0].gift: must be true or false"],
            ),
            (format!(r#"{{{user}, "lines": null}}"#), vec!["INVALID lines: must be an array"]),
            (format!(r#"{{{user}, "lines": [], "note": null}}"#), vec!["INVALID note: must be a string"]),
            (format!(r#"{{{user}, "lines": [], "\u001bq": 1}}"#), vec![strange]),
            ("[]".to_owned(), vec!["INVALID body: must be a JSON object"]),
            (
                r#"{"user": 1, "lines": x}"#.to_owned(),
                vec!["INVALID body: is not JSON: expected value at line 1 column 22"],
            ),
        ] {
            assert_eq!(errors(&body), expected, "{body}");
        }
    }

    #[test]
    fn the_list_is_bounded_and_repeats_no_value() {
        let many: Vec<_> = (0..30).map(|index| format!(r#""x{index}": "hunter2""#)).collect();
        let all = errors(&format!("{{{}}}", many.join(",")));
        assert_eq!(all.len(), MAX_FIELDS);
        assert!(all.iter().all(|error| !error.contains("hunter2")), "{all:?}");
        let long = errors(&format!(r#"{{"{}": 1}}"#, "x".repeat(10_000)));
        assert!(long[0].len() < 150, "{long:?}");
        for value in ["\"hunter2, expected x\"", "4711", "[\"hunter2\"]", "{\"hunter2\": 4711}", "hunter2"] {
            let all = errors(&format!(r#"{{"user": {value}, "lines": {value}}}"#)).concat();
            assert!(!all.contains("hunter") && !all.contains("4711"), "{all}");
        }
    }
}
