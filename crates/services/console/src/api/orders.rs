//! The user's orders: create, list, show, pay, cancel. A program's request is passed on to the order service, whose
//! response is returned unchanged. The response to a form is a page.

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use contracts::ids::OrderId;
use platform::http::problem::Problem;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Api, Form, Visit,
    form::{Sent, see},
    of_error,
};
use crate::{
    client::{IDEMPOTENCY_KEY, ServiceResponse},
    error::Error,
    pages,
};

const BASE: &str = "/api/v1/orders";
/// The path of the orders in the console's API.
const OWN: &str = "/console/api/orders";
/// The maximum number of units of one part in a form. The order service limits the units of a whole order.
pub const MAX_UNITS: i64 = 100;

pub async fn list(State(api): State<Api>, visit: Visit, RawQuery(query): RawQuery) -> Response {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    passed_on(api.orders.get(&visit.session, &format!("{BASE}{query}")).await)
}

pub async fn show(State(api): State<Api>, visit: Visit, uri: Uri) -> Response {
    passed_on(api.orders.get(&visit.session, &format!("{BASE}{}", below(&uri))).await)
}

pub async fn create(State(api): State<Api>, visit: Visit, uri: Uri, headers: HeaderMap, sent: Sent) -> Response {
    let form = match sent {
        Sent::Form(form) => form,
        Sent::Program(body) => {
            return pass_on(&api, &visit, &uri, &headers, with_user(body, visit.user.uuid)).await;
        }
    };
    let (key, body) = match wanted(&form, visit.user.uuid) {
        Ok(wanted) => wanted,
        Err(problem) => return pages::checkout_refused(&api, &visit, &form, &problem).await,
    };
    match api.orders.send(&visit.session, Method::POST, BASE, headers_of_form(Some(key)), body).await {
        Ok(response) if response.status.is_success() => {
            see(&format!("/console/orders/{}", response.json()["order_uuid"].as_str().unwrap_or_default()))
        }
        // The session has ended since it was checked.
        Ok(response) if response.status == StatusCode::UNAUTHORIZED => response.problem().into_response(),
        Ok(response) => pages::checkout_refused(&api, &visit, &form, &response.problem()).await,
        Err(error) => pages::checkout_refused(&api, &visit, &form, &of_error(error)).await,
    }
}

/// Returns the Idempotency-Key and the body for the order service. A field that is neither the key nor a part is the
/// order's member of the same name, unless it is empty.
fn wanted(form: &Form, user: Uuid) -> Result<(HeaderValue, Bytes), Problem> {
    let given = form.optional_text("key")?;
    if given.is_empty() {
        return Err(Problem::invalid("key", "is required"));
    }
    let is_member = |name: &str| name != "key" && Uuid::try_parse(name).is_err();
    let members = form.members.iter().filter(|(name, value)| is_member(name) && value.as_str() != Some(""));
    let mut order: Map<String, Value> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    order.insert("user_uuid".to_owned(), json!(user));
    order.insert("part_uuids".to_owned(), json!(parts(&form.members)?));
    Ok((key_of("key", given)?, Value::from(order).to_string().into()))
}

/// Returns the body of a program's order, with the user added if it is absent. A body that is not a JSON object is
/// returned unchanged; the order service refuses it.
fn with_user(body: Bytes, user: Uuid) -> Bytes {
    let members = serde_json::from_slice::<Map<String, Value>>(&body).ok();
    let members = members.filter(|members| !members.contains_key("user_uuid"));
    let brace = body.iter().position(|byte| *byte == b'{');
    let (Some(members), Some(brace)) = (members, brace) else { return body };
    // The rest is not re-encoded, since that would drop duplicate members, which the order service refuses.
    let (start, rest) = body.split_at(brace + 1);
    let separator = if members.is_empty() { "" } else { "," };
    let user = format!(r#""user_uuid":"{user}"{separator}"#);
    [start, user.as_bytes(), rest].concat().into()
}

/// Returns the header of an idempotency key. An error names the form's member `name`.
fn key_of(name: &'static str, key: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(key).map_err(|_| Problem::invalid(name, "must be visible ASCII"))
}

/// Returns the uuids of the parts that a form orders, each repeated as often as its quantity. In the form, the name of
/// a member is a part's uuid, and its value the quantity.
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
    uri: Uri,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response, Problem> {
    let form = match sent {
        Sent::Form(form) => form,
        Sent::Program(body) => return Ok(pass_on(&api, &visit, &uri, &headers, body).await),
    };
    let order = order_of_form(&uri)?;
    let (given, method) = (form.optional_text("key")?, form.text("payment_method")?);
    // A page has one key for all methods. Here each method gets its own key, so that a customer may choose another
    // method after a request that the order service could not process. The order service still admits one attempt at a
    // time.
    let key = if given.is_empty() {
        None
    } else {
        key_of("key", given)?;
        Some(key_of("payment_method", &format!("{given}-{method}"))?)
    };
    let body = json!({ "payment_method": method }).to_string();
    let path = format!("{BASE}/{order}/pay");
    let response = api.orders.send(&visit.session, Method::POST, &path, headers_of_form(key), body.into()).await;
    Ok(finished(order, response))
}

pub async fn cancel(
    State(api): State<Api>,
    visit: Visit,
    uri: Uri,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response, Problem> {
    if let Sent::Program(body) = sent {
        return Ok(pass_on(&api, &visit, &uri, &headers, body).await);
    }
    let order = order_of_form(&uri)?;
    let path = format!("{BASE}/{order}/cancel");
    let response = api.orders.send(&visit.session, Method::POST, &path, headers_of_form(None), Bytes::new()).await;
    Ok(finished(order, response))
}

async fn pass_on(api: &Api, visit: &Visit, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Response {
    let path = format!("{BASE}{}", below(uri));
    passed_on(api.orders.send(&visit.session, Method::POST, &path, headers_of_program(headers), body).await)
}

/// Returns the headers that the order service reads, including repeated ones.
fn headers_of_program(headers: &HeaderMap) -> HeaderMap {
    let mut read = HeaderMap::new();
    for name in [IDEMPOTENCY_KEY, header::CONTENT_TYPE] {
        for value in headers.get_all(&name) {
            read.append(name.clone(), value.clone());
        }
    }
    read
}

fn headers_of_form(key: Option<HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.extend(key.map(|key| (IDEMPOTENCY_KEY, key)));
    headers
}

/// Returns the rest of a request's path, below the path of the orders.
fn below(uri: &Uri) -> &str {
    uri.path().strip_prefix(OWN).unwrap_or_default()
}

fn order_of_form(uri: &Uri) -> Result<OrderId, Problem> {
    order(below(uri).split('/').nth(1).unwrap_or_default())
}

fn passed_on(response: Result<ServiceResponse, Error>) -> Response {
    response.map_or_else(|error| of_error(error).into_response(), ServiceResponse::into_response)
}

/// Responds to a form with a redirection to the order's page, which says what was refused.
fn finished(order: OrderId, response: Result<ServiceResponse, Error>) -> Response {
    let code = match response {
        Ok(response) if response.status.is_success() => return see(&format!("/console/orders/{order}")),
        Ok(response) if response.status == StatusCode::UNAUTHORIZED => return response.problem().into_response(),
        Ok(response) => response.problem().code,
        Err(error) => of_error(error).code,
    };
    see(&format!("/console/orders/{order}?refused={code}"))
}

/// Parses the order's uuid in a path. An invalid uuid gets the same refusal as from the order service.
pub fn order(path: &str) -> Result<OrderId, Problem> {
    Uuid::try_parse(path).map(OrderId::new).map_err(|_| Problem::invalid("order_uuid", "must be a uuid"))
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
    fn the_fields_of_a_form_are_the_members_of_the_order_except_for_the_user_and_the_required_key() {
        let (part, user) = (Uuid::from_u128(1).to_string(), Uuid::from_u128(2));
        let fields =
            [(&*part, "1"), ("key", "k"), ("delivery_address", "Main Street"), ("empty", ""), ("user_uuid", "x")];
        let members = fields.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        let mut form = Form { members, is_form: true };

        let (_, body) = wanted(&form, user).unwrap();
        form.members.remove("key");
        let without_key = wanted(&form, user).unwrap_err();

        let order: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(order, json!({ "user_uuid": user, "part_uuids": [part], "delivery_address": "Main Street" }));
        assert_eq!(without_key.field.as_deref(), Some("key"));
    }

    #[test]
    fn a_programs_order_gets_its_user_and_stays_otherwise_as_it_was_sent() {
        let user = Uuid::from_u128(2);
        let named = format!(r#""user_uuid":"{user}""#);
        for (sent, expected) in [
            ("{}", format!("{{{named}}}")),
            (
                r#" {"part_uuids": [], "part_uuids": [1]}"#,
                format!(r#" {{{named},"part_uuids": [], "part_uuids": [1]}}"#),
            ),
            (r#"{"user_uuid": 1}"#, r#"{"user_uuid": 1}"#.to_owned()),
            ("[]", "[]".to_owned()),
            ("{", "{".to_owned()),
            ("", String::new()),
        ] {
            assert_eq!(with_user(Bytes::from_static(sent.as_bytes()), user), expected, "{sent}");
        }
    }

    #[test]
    fn the_order_service_reads_a_programs_key_and_media_type_and_no_other_header() {
        let sent = [
            (IDEMPOTENCY_KEY, "a"),
            (IDEMPOTENCY_KEY, "b"),
            (header::CONTENT_TYPE, "text/plain"),
            (header::COOKIE, "c"),
        ];
        let sent = sent.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();

        let read = headers_of_program(&sent);

        let texts: Vec<&str> = read.values().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(texts, ["a", "b", "text/plain"]);
    }
}
