//! `GET /console/api/me/export`: what the services hold about the user, as one JSON document.
//!
//! Each service is asked with the user's own session or access token, so its guard decides what the document contains.
//! If a service does not respond, there is no document.

use anyhow::anyhow;
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use contracts::events::message_json;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use platform::{clock, http::problem::Problem, slots};
use serde_json::{Value, json};
use tonic::Status;

use super::{Api, Visit, of_error, of_operations, of_status, orders::order};
use crate::{client::Orders, error::Error, pages::format::query};

/// The maximum number of exports that are made at once.
pub const MAX_AT_ONCE: usize = 4;
/// A list is cut after the page with which it has this many entries or bytes.
const MAX_ENTRIES: usize = 1_000;
const MAX_BYTES: usize = 2 << 20;
/// The number of orders whose deliveries and messages are asked for at once.
const ORDERS_AT_ONCE: usize = 8;
const MAX_OWN_ACTIONS: u32 = 1_000;
const PAYMENTS_PER_PAGE: u32 = 100;

pub async fn export(State(api): State<Api>, visit: Visit) -> Result<Response, Problem> {
    let Some(_slot) = api.exports.take() else { return Err(slots::refusal()) };
    let document = document(&api, &visit).await?;
    let name = [(header::CONTENT_DISPOSITION, "attachment; filename=\"shipyard-data.json\"")];
    Ok((name, Json(document)).into_response())
}

async fn document(api: &Api, visit: &Visit) -> Result<Value, Problem> {
    let (user, session) = (visit.user.uuid, visit.session.as_str());
    let (iam, orders, payment, customers, intake, actions) = tokio::try_join!(
        account(api, session),
        whole(|place| ordered(
            &api.orders,
            session,
            format!("/api/v1/orders?{}", query(after("cursor", &place).chain([("limit", "50")])))
        )),
        payments(api, visit),
        async {
            let read = tokio::try_join!(api.services.customer(user), api.services.loans(user));
            read.map_err(|status| of_status("customers", &status))
        },
        whole(|place| ordered(&api.intake, session, format!("/orders?{}", query(after("after", &place))))),
        async { api.operations.actions(Some(user), MAX_OWN_ACTIONS).await.map_err(|status| of_operations(&status)) },
    )?;
    let (deliveries, messages) = of_orders(api, &orders.entries).await?;
    let (customer, loans) = customers;
    let loans: Vec<Value> = loans.iter().map(|loan| message_json("customers.v1.Loan", loan)).collect();
    let cut = [
        ("order", orders.is_cut),
        ("payment", payment.1.is_cut),
        ("customers", loans.len() >= MAX_ENTRIES),
        ("intake", intake.is_cut),
        ("console", u32::try_from(actions.len()).is_ok_and(|count| count >= MAX_OWN_ACTIONS)),
    ];
    let cut: Vec<&str> = cut.into_iter().filter_map(|(service, is_cut)| is_cut.then_some(service)).collect();
    Ok(json!({
        "exported_at": clock::now(),
        "user_uuid": user,
        // The services whose older entries may be missing. If an order is missing, so are its deliveries and messages.
        "cut": cut,
        "iam": iam,
        "order": { "orders": orders.entries },
        "payment": { "balance_minor": payment.0, "payments": payment.1.entries },
        "delivery": { "deliveries": deliveries },
        "notification": { "notifications": messages },
        "customers": {
            "customer": customer.map(|customer| message_json("customers.v1.Customer", &customer)),
            "loans": loans,
        },
        "intake": { "orders": intake.entries },
        "console": { "actions": actions },
    }))
}

async fn account(api: &Api, session: &str) -> Result<Value, Problem> {
    let read = tokio::try_join!(api.iam.user(session), api.iam.sessions());
    let (user, sessions) = read.map_err(|status| of_status("iam", &status))?;
    let user = message_json("common.v1.User", &user);
    let sessions = sessions.iter().map(|session| message_json("auth.v1.SessionSummary", session));
    Ok(json!({ "user": user, "sessions": sessions.collect::<Vec<_>>() }))
}

/// Returns the user's balance and charges.
async fn payments(api: &Api, visit: &Visit) -> Result<(i64, List), Problem> {
    let user = visit.user.uuid;
    let failed = |status: Status| of_status("payment", &status);
    let page = |place| async move {
        let page = api.services.payments(user, place, PAYMENTS_PER_PAGE).await.map_err(failed)?;
        let entries = page.payments.iter().map(|payment| message_json("payment.v1.Payment", payment)).collect();
        // Only the number of payments is limited, since each has less than 1 KiB.
        Ok(Page { entries, bytes: 0, next: Some(page.next_page_token).filter(|next| !next.is_empty()) })
    };
    tokio::try_join!(async { api.services.balance(user).await.map_err(failed) }, whole(page))
}

/// Returns the deliveries of these orders, and the messages about them.
async fn of_orders(api: &Api, orders: &[Value]) -> Result<(Vec<Value>, Vec<Value>), Problem> {
    let reads: Vec<_> = orders.iter().map(|order| of_order(api, order)).collect();
    let read: Vec<_> = stream::iter(reads).buffered(ORDERS_AT_ONCE).try_collect().await?;
    let (deliveries, messages): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    Ok((deliveries.into_iter().flatten().collect(), messages.into_iter().flatten().collect()))
}

async fn of_order(api: &Api, entry: &Value) -> Result<(Option<Value>, Vec<Value>), Problem> {
    let order = order(entry["order_uuid"].as_str().unwrap_or_default())?;
    let delivery = async {
        // An order keeps its status of delivery when its address has been erased.
        if entry["delivery_address"].is_null() && entry["delivery_status"].is_null() {
            return Ok(None);
        }
        api.services.delivery(order).await.map_err(|status| of_status("delivery", &status))
    };
    let messages = async { api.services.messages(order).await.map_err(|status| of_status("notification", &status)) };
    let (delivery, messages) = tokio::try_join!(delivery, messages)?;
    let delivery = delivery.map(|one| message_json("delivery.v1.GetDeliveryStatusResponse", &one));
    let messages = messages.iter().map(|one| message_json("notification.v1.Notification", one));
    Ok((delivery, messages.collect()))
}

struct Page {
    entries: Vec<Value>,
    bytes: usize,
    /// The cursor of the next page.
    next: Option<String>,
}

#[derive(Default)]
struct List {
    entries: Vec<Value>,
    is_cut: bool,
}

/// Reads a list page by page; `page` reads the page at a place, which is empty for the first one.
async fn whole<F: Future<Output = Result<Page, Problem>>>(page: impl Fn(String) -> F) -> Result<List, Problem> {
    let (mut list, mut bytes, mut next) = (List::default(), 0, Some(String::new()));
    while let Some(place) = next {
        if list.entries.len() >= MAX_ENTRIES || bytes >= MAX_BYTES {
            return Ok(List { is_cut: true, ..list });
        }
        let page = page(place).await?;
        list.entries.extend(page.entries);
        bytes += page.bytes;
        next = page.next;
    }
    Ok(list)
}

/// Reads a page of orders over HTTP.
async fn ordered(service: &Orders, session: &str, path: String) -> Result<Page, Problem> {
    let response = service.get(session, &path).await.map_err(of_error)?;
    if !response.status.is_success() {
        return Err(of_error(response.not_read()));
    }
    let mut page = response.json();
    let next = ["next_cursor", "next"].iter().find_map(|name| page[name].as_str()).map(str::to_owned);
    match page["orders"].take() {
        Value::Array(entries) => Ok(Page { entries, bytes: response.size(), next }),
        _ => Err(of_error(Error::Unavailable(service.name(), anyhow!("its response has no list of orders")))),
    }
}

/// Returns the parameter `name` for a place in a list, which the first page does not have.
fn after<'a>(name: &'a str, place: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    Some((name, place)).filter(|_| !place.is_empty()).into_iter()
}
