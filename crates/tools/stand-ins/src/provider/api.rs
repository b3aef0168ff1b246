//! The part of Stripe's API that a shop needs: PaymentIntents and Refunds.

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

use super::{Post, fault::Purpose, ledger::SharedLedger, response::StripeResponse};

pub(super) fn router(key: &str, ledger: SharedLedger) -> Router {
    let bearer = format!("Bearer {key}");
    Router::new()
        .route("/v1/payment_intents", post(charge))
        .route("/v1/payment_intents/search", get(search))
        .route("/v1/payment_intents/{id}", get(look))
        .route("/v1/refunds", post(refund).get(list_refunds))
        .route("/v1/refunds/{id}", get(look_at_refund))
        .fallback(async || StripeResponse::missing())
        .layer(middleware::from_fn_with_state(bearer, authorized))
        .with_state(ledger)
}

async fn authorized(State(bearer): State<String>, request: Request, next: Next) -> Response {
    match request.headers().get(AUTHORIZATION) {
        Some(given) if *given == bearer => next.run(request).await,
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn charge(State(ledger): State<SharedLedger>, headers: HeaderMap, body: String) -> StripeResponse {
    done(&ledger, Purpose::Charge, &headers, &body).await
}

async fn refund(State(ledger): State<SharedLedger>, headers: HeaderMap, body: String) -> StripeResponse {
    done(&ledger, Purpose::Refund, &headers, &body).await
}

/// Executes a POST. Unlike Stripe, it requires an idempotency key, which a shop that never charges twice always sends.
async fn done(ledger: &SharedLedger, purpose: Purpose, headers: &HeaderMap, body: &str) -> StripeResponse {
    let key = headers.get("Idempotency-Key").and_then(|key| key.to_str().ok());
    let (Some(key), Ok(form)) = (key, serde_urlencoded::from_str(body)) else {
        return StripeResponse::invalid("parameter_missing");
    };
    let post = Post { purpose, key: key.to_owned(), form };
    let (answer, hold) = ledger.lock().post(&post);
    hold.over().await;
    answer
}

async fn search(State(ledger): State<SharedLedger>, Query(query): Query<HashMap<String, String>>) -> Response {
    let transaction = query
        .get("query")
        .and_then(|query| query.strip_prefix("metadata['transaction_uuid']:'"))
        .and_then(|query| query.strip_suffix('\''));
    match transaction {
        _ if ledger.lock().unsearchable => StripeResponse::missing().into_response(),
        Some(transaction) => {
            let data = ledger.lock().search(transaction);
            Json(json!({ "object": "search_result", "data": data, "has_more": false })).into_response()
        }
        None => StripeResponse::invalid("parameter_missing").into_response(),
    }
}

async fn look(State(ledger): State<SharedLedger>, Path(id): Path<String>) -> StripeResponse {
    ledger.lock().look(&id).map_or_else(StripeResponse::missing, StripeResponse::ok)
}

async fn list_refunds(
    State(ledger): State<SharedLedger>,
    Query(query): Query<HashMap<String, String>>,
) -> StripeResponse {
    let mut ledger = ledger.lock();
    ledger.lists += 1;
    if ledger.unlisted {
        return StripeResponse::missing();
    }
    // Stripe's default and maximum.
    let limit = query.get("limit").map_or(Ok(10), |limit| limit.parse());
    match (query.get("payment_intent"), limit) {
        (Some(intent), Ok(limit @ 1..=100)) => {
            let after = query.get("starting_after").map(String::as_str);
            StripeResponse::ok(ledger.refunds_of(intent, after, limit))
        }
        _ => StripeResponse::invalid("parameter_missing"),
    }
}

async fn look_at_refund(State(ledger): State<SharedLedger>, Path(id): Path<String>) -> StripeResponse {
    ledger.lock().look_at_refund(&id).map_or_else(StripeResponse::missing, StripeResponse::ok)
}
