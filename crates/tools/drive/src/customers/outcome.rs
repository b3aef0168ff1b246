//! Classifies the response to a request.

use serde_json::Value;

use super::{counters::Class, request::Request};
use client::response::HttpResponse;

pub struct Outcome {
    pub class: Class,
    pub said: String,
    pub body: Value,
    /// The violation of the API contract; `None` if there is none.
    pub violation: Option<String>,
}

/// Classifies the response to `request`. An error stands for no response.
pub fn outcome_of(request: &Request, answer: anyhow::Result<HttpResponse>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            return Outcome {
                class: Class::Unanswered,
                said: format!("{error:#}"),
                body: Value::Null,
                violation: None,
            };
        }
    };
    let status = answer.status.as_u16();
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    let code = body["code"].as_str().unwrap_or_default();
    let said = format!("{status} {code}").trim_end().to_owned();
    let class = classify(request, status, code);
    let violation = match class {
        Class::Succeeded => answer.success(request.success).err().map(|error| format!("{error:#}")),
        // A gateway may send such a response in place of an unavailable shop, so it violates nothing.
        Class::Unavailable => None,
        Class::ServerError | Class::Unexpected => Some(format!("{request} answered {status} {}", answer.text)),
        _ => answer.problem(status, code).err().map(|error| format!("{error:#}")),
    };
    let class = if class == Class::Succeeded && violation.is_some() { Class::Unexpected } else { class };
    Outcome { class, said, body, violation }
}

fn classify(request: &Request, status: u16, code: &str) -> Class {
    match (status, code) {
        (status, _) if status == request.success => Class::Succeeded,
        (503, "PAYMENT_OUTCOME_UNKNOWN") => Class::Unknown,
        (502..=504 | 429, _) => Class::Unavailable,
        (500.., _) => Class::ServerError,
        (401, "INVALID_SESSION") => Class::SessionLost,
        (409, "IDEMPOTENCY_IN_PROGRESS" | "PAYMENT_IN_PROGRESS") if request.key.is_some() => Class::InProgress,
        (404 | 409, _) if request.refusals.contains(&code) => Class::Refused,
        (422, _) if request.refusals.contains(&code) => Class::Declined,
        _ => Class::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_response_is_classified_by_its_request() {
        let pay = Request::pay("1".into(), Uuid::nil(), "CARD");
        let read = Request::read(Uuid::nil());
        let delivery = Request::delivery(Uuid::nil());
        for (request, status, code, expected) in [
            (&pay, 200, "", Class::Succeeded),
            (&pay, 201, "", Class::Unexpected),
            (&pay, 503, "PAYMENT_OUTCOME_UNKNOWN", Class::Unknown),
            (&pay, 503, "DEPENDENCY_UNAVAILABLE", Class::Unavailable),
            (&pay, 429, "TOO_MANY_REQUESTS", Class::Unavailable),
            (&pay, 500, "INTERNAL", Class::ServerError),
            (&pay, 409, "INVALID_STATUS", Class::Refused),
            (&pay, 409, "PAYMENT_IN_PROGRESS", Class::InProgress),
            (&pay, 422, "INSUFFICIENT_FUNDS", Class::Declined),
            (&pay, 422, "IDEMPOTENCY_KEY_REUSED", Class::Unexpected),
            (&read, 401, "INVALID_SESSION", Class::SessionLost),
            (&read, 401, "MISSING_SESSION", Class::Unexpected),
            (&read, 404, "ORDER_NOT_FOUND", Class::Unexpected),
            (&read, 404, "DELIVERY_NOT_FOUND", Class::Unexpected),
            (&delivery, 404, "DELIVERY_NOT_FOUND", Class::Refused),
            (&delivery, 404, "ORDER_NOT_FOUND", Class::Unexpected),
            (&read, 409, "INVALID_STATUS", Class::Unexpected),
        ] {
            assert_eq!(classify(request, status, code), expected, "{request}: {status} {code}");
        }
    }
}
