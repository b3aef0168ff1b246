//! The endpoints of stored orders: `GET /orders/{id}` as JSON or as a page, `GET /orders`, and
//! `POST /customers/{person_id}/erase`.

use axum::{
    Json,
    extract::{Extension, Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use platform::{
    auth::{Caller, OpenCaller},
    http::{self, problem::Problem, query::QueryParameters},
    security_events::{self, AccessRefusal, Event},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::pages::{Shown, page, private, problem_page, wants_html};
use crate::{
    error::Error,
    model::{Order, OrderUid},
    service::{self, IntakeService, Source},
};

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// An order
///
/// `X-Cache` says whether it came from memory (`hit`) or from the database (`miss`). To `Accept: text/html`, a page.
#[utoipa::path(
    get,
    path = "/orders/{id}",
    operation_id = "getOrder",
    tag = "orders",
    params(("id" = String, Path, description = "The order_uid.")),
    responses((status = 200, body = Order, headers(("X-Cache" = String, description = "hit or miss")))),
    security(("session" = []))
)]
pub async fn get(
    State(service): State<IntakeService>,
    caller: OpenCaller,
    uid: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    // A path that is not UTF-8 contains no valid uid.
    let uid = uid.map(|Path(uid)| uid).unwrap_or_default();
    let shown = service
        .show(&uid)
        .await
        .and_then(|shown| if sees(&caller, &shown.0) { Ok(shown) } else { Err(Error::NotFound) });
    respond(&uid, shown, wants_html(&headers))
}

/// Responds to a path without a route. Several segments below `/orders/` name no order, because a `/` in an order_uid
/// is written `%2F`.
pub async fn elsewhere(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    match uri.path().strip_prefix("/orders/") {
        Some(uid) if matches!(method, Method::GET | Method::HEAD) => {
            respond(uid, Err(Error::NotFound), wants_html(&headers))
        }
        _ => http::not_found(uri).await.into_response(),
    }
}

fn respond(uid: &str, shown: Result<service::Shown, Error>, html: bool) -> Response {
    match shown {
        Ok((order, source)) => {
            let mut response =
                if html { page(StatusCode::OK, &Shown::new(&order)) } else { private(Json(&*order).into_response()) };
            let cache = if source == Source::Cache { "hit" } else { "miss" };
            response.headers_mut().insert(X_CACHE, HeaderValue::from_static(cache));
            response
        }
        Err(error) => {
            let problem = Problem::from(error);
            if html { problem_page(uid, &problem) } else { private(problem.into_response()) }
        }
    }
}

#[derive(Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// `next` of the previous page.
    after: Option<String>,
}

/// A page of a user's orders, by order_uid.
#[derive(Serialize, ToSchema)]
pub struct OwnOrders {
    orders: Vec<Order>,
    /// To be sent as `after` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<OrderUid>,
}

/// The orders whose customer_id is the uuid of the session's user
///
/// Also where the API is open.
#[utoipa::path(
    get,
    path = "/orders",
    operation_id = "listOrders",
    tag = "orders",
    params(Page),
    responses((status = 200, body = OwnOrders)),
    security(("session" = []))
)]
pub async fn list(
    State(service): State<IntakeService>,
    Extension(caller): Extension<Caller>,
    QueryParameters(page): QueryParameters<Page>,
) -> Result<Json<OwnOrders>, Problem> {
    let Caller::User(user) = caller else { return Err(Problem::forbidden("only users have orders")) };

    let after =
        page.after.map(|uid| OrderUid::new(&uid).ok_or_else(|| Problem::invalid("after", "must be an order_uid")));
    let after = after.transpose()?.unwrap_or_default();

    let (orders, next) = service.of_customer(&user.uuid.to_string(), &after).await?;

    Ok(Json(OwnOrders { orders, next }))
}

/// What was erased.
#[derive(Serialize, ToSchema)]
pub struct Erased {
    /// Orders erased by this call.
    pub orders: u64,
}

/// Erase the orders of a customer
///
/// All but their keys is removed, from the tables at once and from each replica's memory within seconds. The topic
/// keeps its records until they expire. For operators, also where the API is open.
#[utoipa::path(
    post,
    path = "/customers/{person_id}/erase",
    operation_id = "eraseCustomer",
    tag = "operators",
    params(("person_id" = String, Path, description = "The customer_id.")),
    responses((status = 200, body = Erased)),
    security(("session" = []))
)]
pub async fn erase(
    State(service): State<IntakeService>,
    customer: Result<Path<String>, PathRejection>,
) -> Result<Json<Erased>, Problem> {
    // Texts in PostgreSQL contain no NUL, so no order has a customer_id with one.
    let customer = customer.ok().filter(|Path(customer)| !customer.contains('\0'));
    let Some(Path(customer)) = customer else { return Ok(Json(Erased { orders: 0 })) };

    let orders = service.erase(&customer).await?;

    Ok(Json(Erased { orders }))
}

/// Returns true if the caller may see the order: as the user whose uuid is its customer_id, as an operator, or as any
/// caller of an open API. Ignores the login, because anyone may register a login that a producer uses as customer_id.
/// Records a refusal.
fn sees(caller: &OpenCaller, order: &Order) -> bool {
    let owns = caller.user().is_some_and(|user| order.customer_id == user.uuid.to_string());
    let sees = owns || caller.may_operate();
    if let Some(user) = caller.user()
        && !sees
    {
        security_events::record(Event::AccessRefused { user: Some(user.uuid), reason: AccessRefusal::Object });
    }
    sees
}
