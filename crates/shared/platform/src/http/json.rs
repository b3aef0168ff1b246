//! JSON bodies of HTTP requests. Errors name the invalid field.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema,
    openapi::{RefOr, Schema},
};

use crate::{
    http::{BODY_LIMIT, problem::Problem, unreadable_field},
    invalid::{FieldCode, InvalidField, InvalidFields, MAX_FIELDS},
};

/// The maximum size in bytes of a body whose invalid members are all reported, since it is decoded once for each of
/// them. For a larger body, only the first is reported.
const SEARCHED: usize = 4 * 1024;

/// The body of a request, parsed from a JSON object. The rejection is a problem document that names the invalid fields.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned + PartialSchema, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        check_media_type(request.headers())?;
        let body = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(&rejection, BODY_LIMIT))?;
        decode_own(&body).map(Self)
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

/// Parses a JSON object in a format of this system. The problem document lists the invalid members, one error each,
/// without their values.
pub fn decode_own<T: DeserializeOwned + PartialSchema>(body: &[u8]) -> Result<T, Problem> {
    read(body).map_err(|first| all_invalid::<T>(body, first).into())
}

/// Parses a JSON object in a format that others defined, up to the first error. The problem document names the invalid
/// member and its error, without its value.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    read(body).map_err(Problem::from)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, InvalidField> {
    // serde would also accept an array for a struct, element by element.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(InvalidField::invalid(unreadable_field::BODY, "must be a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { unreadable_field::BODY } else { &path };
        let error = error.into_inner();
        if error.is_data() {
            unreadable_field::describe(path, without_position(&error.to_string()))
        } else {
            no_json(&error)
        }
    })?;
    json.end().map_err(|error| no_json(&error))?;
    Ok(value)
}

/// Describes a body that is not JSON, by position and without a value.
fn no_json(error: &serde_json::Error) -> InvalidField {
    InvalidField::invalid(unreadable_field::BODY, format!("is not JSON: {error}"))
}

/// Returns `first` and the errors of the object's other members.
fn all_invalid<T: DeserializeOwned + PartialSchema>(body: &[u8], first: InvalidField) -> InvalidFields {
    let mut invalid = InvalidFields::default();
    invalid.add(first);
    if body.len() > SEARCHED {
        return invalid;
    }
    let Ok(mut members) = serde_json::from_slice::<Map<String, Value>>(body) else { return invalid };
    let absent = required::<T>().into_iter().filter(|name| !members.contains_key(name));
    let absent: Vec<_> =
        absent.map(|name| InvalidField::new(name, FieldCode::Required, unreadable_field::REQUIRED)).collect();
    // serde reports an absent member only after it has read all others, so invalid ones are removed one by one.
    while let Some(wrong) = read::<T>(&serde_json::to_vec(&members).unwrap_or_default()).err() {
        let member = wrong.field.split(['.', '[']).next().unwrap_or_default();
        if members.remove(member).is_none() || invalid.as_slice().len() == MAX_FIELDS {
            break;
        }
        invalid.add(wrong);
    }
    for field in absent {
        invalid.add(field);
    }
    invalid
}

fn required<T: PartialSchema>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.required,
        _ => Vec::new(),
    }
}

fn without_position(error: &str) -> &str {
    error.rsplit_once(" at line ").map_or(error, |(text, _)| text)
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
    use serde::Deserialize;
    use utoipa::ToSchema;
    use uuid::Uuid;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "UPPERCASE")]
    enum Method {
        Card,
        Sbp,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is only read")]
    struct Body {
        user: Uuid,
        count: u32,
        method: Method,
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read")]
    struct Order {
        user: Uuid,
        address: Option<String>,
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is only read")]
    struct Line {
        quantity: u32,
    }

    #[test]
    fn unknown_repeated_and_missing_members_are_named_with_their_path() {
        for (body, said) in [
            (r#"{"linse": []}"#, "linse: is not known; did you mean lines?"),
            (r#"{"lines": [{"quantity": 1, "price": 2}]}"#, "lines[0].price: is not known; use quantity"),
            (r#"{"lines": [], "lines": []}"#, "lines: must be sent at most once"),
            (r#"{"lines": [{}]}"#, "lines[0].quantity: is required"),
            (r#"{"lines": [{"quantity": 1, "quantity": 2}]}"#, "lines[0].quantity: must be sent at most once"),
        ] {
            assert_eq!(decode::<Order>(body.as_bytes()).unwrap_err().message, said);
        }
    }

    #[test]
    fn all_invalid_members_are_listed_and_the_first_is_first() {
        let all = |body: &str| {
            let problem = decode_own::<Order>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.field.as_deref(), problem.errors.first().map(|first| &*first.field), "{body}");
            problem
                .errors
                .into_iter()
                .map(|error| format!("{} {}", error.field, error.code.as_str()))
                .collect::<Vec<_>>()
        };

        assert_eq!(all("{}"), ["user REQUIRED", "lines REQUIRED"]);
        assert_eq!(
            all(r#"{"usr": 1, "lines": [{"quantity": "x"}], "address": 5}"#),
            ["usr UNKNOWN", "address INVALID", "lines[0].quantity INVALID", "user REQUIRED"]
        );
        assert_eq!(all(r#"{"lines": [], "lines": [], "user": 1}"#), ["lines REPEATED", "user INVALID"]);
        assert_eq!(all(r#"{"lines": [{}], "user": 1}"#), ["lines[0].quantity REQUIRED", "user INVALID"]);
        assert_eq!(all("[]"), ["body INVALID"]);
        assert_eq!(all("{"), ["body INVALID"]);
        let many: Vec<_> = (0..30).map(|index| format!(r#""x{index}": 1"#)).collect();
        assert_eq!(all(&format!("{{{}}}", many.join(","))).len(), MAX_FIELDS);
        assert_eq!(all(&format!(r#"{{"{}": 1}}"#, "x".repeat(SEARCHED))).len(), 1);
    }

    #[test]
    fn an_error_says_what_is_expected_and_repeats_no_value() {
        for (body, field, said) in [
            (r#"{"user": "hunter2, expected nothing"}"#, "user", "must be a uuid"),
            (r#"{"user": 4711}"#, "user", "must be a uuid"),
            (r#"{"count": "hunter2, expected x"}"#, "count", "must be a whole number from 0 to 4294967295"),
            (r#"{"count": -4711}"#, "count", "must be a whole number from 0 to 4294967295"),
            (r#"{"method": "hunter2"}"#, "method", "must be CARD or SBP"),
            (r#"{"count": 1}"#, "user", "is required"),
            (r#"{"count": hunter2}"#, "body", "is not JSON: expected value at line 1"),
        ] {
            let problem = decode::<Body>(body.as_bytes()).unwrap_err();

            let shown = format!("{problem:?}");
            assert!(shown.contains(said) && shown.contains(field), "{body}: {shown}");
            assert!(!shown.contains("hunter") && !shown.contains("4711"), "{shown}");
        }
    }
}
