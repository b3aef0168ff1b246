//! The user's orders: create, list, show, pay, cancel. The order service answers; a form is answered with a page.

use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use contracts::ids::OrderId;
use platform::http::problem::Problem;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Api, Form, form::see, of_error};
use crate::{
    client::{Answer, IDEMPOTENCY_KEY},
    error::Error,
    pages::{self, Visit},
};

const BASE: &str = "/api/v1/orders";
/// The most units of one part in a form. The order service has the limit of an order.
pub const MAX_UNITS: i64 = 100;

pub async fn list(State(api): State<Api>, visit: Visit, RawQuery(query): RawQuery) -> Response {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    passed_on(api.orders.get(&visit.session, &format!("{BASE}{query}")).await)
}

pub async fn show(State(api): State<Api>, visit: Visit, Path(path): Path<String>) -> Result<Response, Problem> {
    let order = order(&path)?;
    Ok(passed_on(api.orders.get(&visit.session, &format!("{BASE}/{order}")).await))
}

pub async fn create(State(api): State<Api>, visit: Visit, headers: HeaderMap, form: Form) -> Response {
    let (key, body) = match wanted(&form, &headers, visit.user.uuid) {
        Ok(wanted) => wanted,
        Err(problem) if form.is_form => return pages::checkout_refused(&api, &visit, &form, &problem).await,
        Err(problem) => return problem.into_response(),
    };
    let answer = api.orders.send(&visit.session, Method::POST, BASE, key.as_ref(), Some(body)).await;
    if !form.is_form {
        return passed_on(answer);
    }
    match answer {
        Ok(answer) if answer.status.is_success() => {
            see(&format!("/console/orders/{}", answer.json()["order_uuid"].as_str().unwrap_or_default()))
        }
        // The session has ended since it was checked.
        Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => answer.problem().into_response(),
        Ok(answer) => pages::checkout_refused(&api, &visit, &form, &answer.problem()).await,
        Err(error) => pages::checkout_refused(&api, &visit, &form, &of_error(error)).await,
    }
}

/// Returns the Idempotency-Key and the body for the order service.
fn wanted(form: &Form, headers: &HeaderMap, user: Uuid) -> Result<(Option<HeaderValue>, Vec<u8>), Problem> {
    let mut members = form.members.clone();
    let mut key = headers.get(IDEMPOTENCY_KEY).cloned();
    if form.is_form {
        let given = form.text_or_empty("key");
        if given.is_empty() {
            return Err(Problem::invalid("key", "is required"));
        }
        key = Some(key_of(given)?);
        let parts = parts(&members)?;
        let address = members.remove("delivery_address").filter(|address| address.as_str() != Some(""));
        members = Map::from_iter([("part_uuids".to_owned(), json!(parts))]);
        members.extend(address.map(|address| ("delivery_address".to_owned(), address)));
    }
    members.entry("user_uuid").or_insert_with(|| user.to_string().into());
    Ok((key, serde_json::to_vec(&members).map_err(|error| Problem::invalid("body", error))?))
}

/// Returns the Idempotency-Key that a form gives.
fn key_of(given: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(given).map_err(|_| Problem::invalid("key", "must be visible ASCII"))
}

/// Returns the parts of a form whose members are the uuids of parts, with their quantities.
fn parts(members: &Map<String, Value>) -> Result<Vec<String>, Problem> {
    let mut parts = Vec::new();
    for (name, value) in members.iter().filter(|(name, _)| Uuid::try_parse(name).is_ok()) {
        let quantity = value.as_str().unwrap_or_default().trim();
        let count = if quantity.is_empty() { Some(0) } else { quantity.parse().ok() };
        let count =
            count.filter(|count| (0..=MAX_UNITS).contains(count)).and_then(|count: i64| usize::try_from(count).ok());
        let wrong = || Problem::invalid(name.as_str(), format!("must be a whole number from 0 to {MAX_UNITS}"));
        parts.extend(std::iter::repeat_n(name.clone(), count.ok_or_else(wrong)?));
    }
    if parts.is_empty() { Err(Problem::invalid("part_uuids", "must name at least one part")) } else { Ok(parts) }
}

pub async fn pay(
    State(api): State<Api>,
    visit: Visit,
    Path(path): Path<String>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Problem> {
    let order = order(&path)?;
    let method = form.text("payment_method")?;
    let given = form.text_or_empty("key");
    let key = match headers.get(IDEMPOTENCY_KEY) {
        Some(key) => Some(key.clone()),
        None if given.is_empty() => None,
        None => Some(key_of(given)?),
    };
    let body = json!({ "payment_method": method }).to_string().into_bytes();
    let path = format!("{BASE}/{order}/pay");
    let answer = api.orders.send(&visit.session, Method::POST, &path, key.as_ref(), Some(body)).await;
    Ok(finished(&form, order, answer))
}

pub async fn cancel(
    State(api): State<Api>,
    visit: Visit,
    Path(path): Path<String>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, Problem> {
    let order = order(&path)?;
    let path = format!("{BASE}/{order}/cancel");
    let answer = api.orders.send(&visit.session, Method::POST, &path, headers.get(IDEMPOTENCY_KEY), None).await;
    Ok(finished(&form, order, answer))
}

fn passed_on(answer: Result<Answer, Error>) -> Response {
    answer.map_or_else(|error| of_error(error).into_response(), Answer::into_response)
}

/// Answers a program with the order service's answer, and a form with the page of the order, which says what was refused.
fn finished(form: &Form, order: OrderId, answer: Result<Answer, Error>) -> Response {
    if !form.is_form {
        return passed_on(answer);
    }
    let code = match answer {
        Ok(answer) if answer.status.is_success() => return see(&format!("/console/orders/{order}")),
        Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => return answer.problem().into_response(),
        Ok(answer) => answer.problem().code,
        Err(error) => of_error(error).code,
    };
    see(&format!("/console/orders/{order}?refused={code}"))
}

/// Returns the order of a path.
pub fn order(path: &str) -> Result<OrderId, Problem> {
    let order = Uuid::try_parse(path).map(OrderId::new);
    order.map_err(|_| Problem::new(StatusCode::NOT_FOUND, "ORDER_NOT_FOUND", "order not found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_names_parts_by_their_uuids() {
        let part = Uuid::from_u128(1).to_string();
        let members =
            |quantity: &str| Map::from_iter([(part.clone(), quantity.into()), ("other".to_owned(), "1".into())]);

        assert_eq!(parts(&members("2")).unwrap(), [part.clone(), part.clone()]);
        for (wrong, field) in [("", "part_uuids"), ("0", "part_uuids"), ("-1", &*part), ("x", &*part), ("101", &*part)]
        {
            assert_eq!(parts(&members(wrong)).unwrap_err().field.as_deref(), Some(field), "{wrong}");
        }
    }

    #[test]
    fn a_form_without_its_key_is_refused() {
        let members = Map::from_iter([(Uuid::from_u128(1).to_string(), "1".into())]);
        let form = Form { members, is_form: true };

        let refused = wanted(&form, &HeaderMap::new(), Uuid::from_u128(2)).unwrap_err();

        assert_eq!(refused.field.as_deref(), Some("key"));
    }
}
