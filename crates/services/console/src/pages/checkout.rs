//! `GET /console/checkout`: the order before it is placed. Its URL has the parts, the delivery address and the
//! idempotency key.

use std::collections::{BTreeMap, HashMap};

use askama::Template;
use axum::{
    extract::{Query, State},
    http::{StatusCode, Uri},
    response::{IntoResponse as _, Redirect, Response},
};
use platform::{http::problem::Problem, ids};
use uuid::Uuid;

use super::{
    format::Money,
    frame::{Layout, layout, page},
    parts,
    refusal::{self, Refusal, concerns},
};
use crate::api::{Api, Form, MAX_UNITS, Visit, of_status};

/// The maximum number of different parts.
const MAX_LINES: usize = 200;

/// The parts to order, the other fields of the form, and the idempotency key.
#[derive(Default)]
struct Wanted {
    quantities: Vec<(Uuid, i64)>,
    /// The parts after the first [`MAX_LINES`].
    rest: Vec<Uuid>,
    key: String,
    fields: BTreeMap<String, String>,
}

/// A part of the order. While inventory does not respond, the name is the uuid, and price and stock are absent.
struct CheckoutLine {
    part_uuid: String,
    name: String,
    quantity: i64,
    price: Option<Money>,
    /// The units that can be bought now.
    stock: Option<i64>,
}

impl CheckoutLine {
    fn sum(&self) -> Option<Money> {
        Some(self.price?.times(self.quantity))
    }

    /// Returns how many units the form can order.
    fn max_units(&self) -> i64 {
        self.stock.map_or(MAX_UNITS, |stock| stock.min(MAX_UNITS))
    }

    fn is_short(&self) -> bool {
        self.stock.is_some_and(|stock| self.quantity > stock)
    }

    fn is_sold_out(&self) -> bool {
        self.stock == Some(0)
    }
}

#[derive(Template)]
#[template(path = "checkout.html")]
struct Checkout {
    layout: Layout,
    lines: Vec<CheckoutLine>,
    /// The uuids of wanted parts that are not ordered.
    left_out: Vec<String>,
    /// Absent if the price of a part is absent.
    total: Option<Money>,
    /// The idempotency key, which is created with the cart, or for the next try after a refusal.
    key: String,
    /// True if the order was refused. The browser's cart then takes the key of this page.
    is_refused: bool,
    /// The values of the form's fields, by name.
    fields: BTreeMap<String, String>,
    /// The address's cell of the map, once it was looked up.
    cell: Option<(i32, i32)>,
    problem: Option<Refusal>,
}

impl Checkout {
    fn value(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }

    fn is_wrong(&self, field: &str) -> bool {
        concerns(self.problem.as_ref(), field)
    }

    fn is_short(&self) -> bool {
        self.lines.iter().any(CheckoutLine::is_short)
    }
}

impl Wanted {
    fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut wanted = Self::default();
        for (name, value) in pairs {
            if name == "key" {
                wanted.key = value;
            } else if let Ok(part) = Uuid::try_parse(&name) {
                let quantity: i64 = value.trim().parse().unwrap_or_default();
                if quantity > 0 && wanted.quantities.len() < MAX_LINES {
                    wanted.quantities.push((part, quantity));
                } else if quantity > 0 {
                    wanted.rest.push(part);
                }
            } else {
                wanted.fields.insert(name, value);
            }
        }
        wanted
    }
}

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    uri: Uri,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let wanted = Wanted::from_pairs(pairs);
    if wanted.key.is_empty() && !wanted.quantities.is_empty() {
        // A shop page without scripts sent this request. With the key in the URL, a reloaded page remains the same
        // order.
        let query: String = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| *pair != "key=")
            .flat_map(|pair| [pair, "&"])
            .collect();
        return Redirect::to(&format!("/console/checkout?{query}key={}", ids::random())).into_response();
    }
    shown(&api, &visit, wanted, StatusCode::OK, None).await
}

/// Returns the page for an order that was refused, with the key for the next try.
pub async fn refused(api: &Api, visit: &Visit, form: &Form, problem: &Problem) -> Response {
    let pairs = form.members.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    let mut wanted = Wanted::from_pairs(pairs);
    if ends_key(problem) {
        wanted.key = ids::random().to_string();
    }
    shown(api, visit, wanted, refusal::status(problem), Some(refusal::shown(problem))).await
}

/// Returns true if the next try needs a new key, because the order service has stored the refusal under this key or
/// refuses the key itself. After any other failure the order may have been placed, so the next try must have the same
/// key.
fn ends_key(problem: &Problem) -> bool {
    match problem.code {
        // The first request under a used key may have placed the order: the customer decides by changing the cart.
        "IDEMPOTENCY_IN_PROGRESS" | "PAYMENT_IN_PROGRESS" | "IDEMPOTENCY_KEY_REUSED" => false,
        "INVALID_REQUEST" => problem.field.as_deref() == Some("key"),
        _ => matches!(problem.status, 404 | 409 | 422),
    }
}

async fn shown(api: &Api, visit: &Visit, wanted: Wanted, status: StatusCode, problem: Option<Refusal>) -> Response {
    let address = wanted.fields.get("delivery_address").map_or("", |address| address.trim());
    let cell = async { if address.is_empty() { None } else { Some(api.services.cell(address.to_owned()).await) } };
    let uuids = wanted.quantities.iter().map(|(part, _)| *part);
    let (layout, known, cell) = tokio::join!(layout(api, visit, "shop"), parts::of_uuids(&api.services, uuids), cell);
    let (known, away) = match known {
        Ok(parts) => (parts, None),
        Err(status) => (Vec::new(), Some(refusal::shown(&of_status("inventory", &status)))),
    };
    let known: HashMap<String, _> = known.into_iter().map(|part| (part.uuid.clone(), part)).collect();
    // Without the catalogue, every part stays in the form.
    let (lines, gone): (Vec<CheckoutLine>, Vec<_>) = wanted
        .quantities
        .iter()
        .map(|(uuid, quantity)| {
            let part_uuid = uuid.to_string();
            let part = known.get(&part_uuid);
            CheckoutLine {
                name: part.map_or_else(|| part_uuid.clone(), |part| part.name.clone()),
                part_uuid,
                quantity: *quantity,
                price: part.map(parts::price),
                stock: part.map(|part| part.stock_quantity.max(0)),
            }
        })
        .partition(|line| line.price.is_some() || away.is_some());
    let rest = wanted.rest.iter().map(Uuid::to_string);
    let left_out = gone.into_iter().map(|line| line.part_uuid).chain(rest).collect();
    let (cell, unknown) = match cell {
        None => (None, None),
        Some(Ok(cell)) => (Some(cell), None),
        Some(Err(status)) => {
            let problem =
                Refusal { fields: vec!["delivery_address".to_owned()], ..refusal::shown(&of_status("geo", &status)) };
            (None, Some(problem))
        }
    };
    // The API names a part by its uuid, which the page does not show.
    let problem = problem.map(|problem| Refusal {
        detail: lines.iter().fold(problem.detail, |detail, line| detail.replace(&line.part_uuid, &line.name)),
        ..problem
    });
    let view = Checkout {
        is_refused: problem.is_some(),
        layout,
        total: lines.iter().try_fold(0_i64, |sum, line| Some(sum.saturating_add(line.sum()?.0))).map(Money),
        lines,
        left_out,
        key: wanted.key,
        fields: wanted.fields,
        cell,
        problem: problem.or(away).or(unknown),
    };
    page(status, &view)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_refusal_ends_its_key_and_a_failure_that_may_pass_does_not() {
        for (status, code, ends) in [
            (404, "PART_NOT_FOUND", true),
            (409, "OUT_OF_STOCK", true),
            (409, "PRICE_CHANGED", true),
            (409, "TOO_MANY_RESERVED", true),
            (422, "IDEMPOTENCY_KEY_REUSED", false),
            (409, "IDEMPOTENCY_IN_PROGRESS", false),
            (409, "PAYMENT_IN_PROGRESS", false),
            (400, "INVALID_REQUEST", false),
            (408, "REQUEST_TIMEOUT", false),
            (429, "TOO_MANY_UNPAID_ORDERS", false),
            (500, "INTERNAL", false),
            (503, "DEPENDENCY_UNAVAILABLE", false),
        ] {
            let problem = Problem::new(StatusCode::from_u16(status).unwrap(), code, "refused");
            assert_eq!(ends_key(&problem), ends, "{code}");
        }
        assert!(ends_key(&Problem::invalid("key", "is required")));
        assert!(!ends_key(&Problem::invalid("delivery_address", "is too long")));
    }

    #[test]
    fn a_checkout_has_the_parts_that_are_named_with_a_number() {
        let part = Uuid::from_u128(1).to_string();
        let pairs = |quantity: &str| [(part.clone(), quantity.to_owned()), ("key".to_owned(), "k".to_owned())];

        assert_eq!(Wanted::from_pairs(pairs(" 2 ")).quantities, [(Uuid::from_u128(1), 2)]);
        for none in ["", "0", "-1", "x"] {
            assert!(Wanted::from_pairs(pairs(none)).quantities.is_empty(), "{none}");
        }
        assert_eq!(Wanted::from_pairs(pairs("2")).key, "k");
    }

    #[test]
    fn the_parts_above_the_bound_are_known() {
        let parts: Vec<Uuid> = (0..).map(Uuid::from_u128).take(MAX_LINES + 1).collect();

        let wanted = Wanted::from_pairs(parts.iter().map(|part| (part.to_string(), "1".to_owned())));

        assert_eq!((wanted.quantities.len(), wanted.rest.as_slice()), (MAX_LINES, &parts[MAX_LINES..]));
    }
}
