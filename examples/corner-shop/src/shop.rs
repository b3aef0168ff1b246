//! Orders: the HTTP API, and the transaction that places one.

use std::{collections::HashMap, num::NonZeroU32, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use group_commit::GroupCommit;
use idempotency::{Key, OnceError};
use outbox::{Event, Tables, Waker};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

#[derive(Clone)]
struct Shop {
    pool: PgPool,
    waker: Waker,
    orders: GroupCommit<Uuid, Option<Order>>,
}

#[derive(Deserialize, Serialize)]
struct NewOrder {
    quantity: NonZeroU32,
}

/// An order, as the API returns it and as it is stored with the idempotency key.
#[derive(Clone, Deserialize, Serialize, sqlx::FromRow)]
struct Order {
    id: Uuid,
    quantity: i64,
    /// In cents.
    total: i64,
    is_shipped: bool,
}

#[derive(Debug, thiserror::Error)]
enum PlaceError {
    #[error("not enough teapots are left")]
    SoldOut,
    #[error("the account does not cover the price")]
    Declined,
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

type Refusal = (StatusCode, String);

/// Returns the API. `waker` wakes the relay after each order.
pub fn router(pool: PgPool, waker: Waker) -> Router {
    // Requests that arrive while a statement runs share the next one.
    let orders = GroupCommit::read_only("find_orders", pool.clone(), |id: &Uuid| *id, find);
    let router = Router::new().route("/orders", post(create)).route("/orders/{id}", get(show));
    router.with_state(Shop { pool, waker, orders })
}

/// Places an order once per `Idempotency-Key`: 201 the first time, 200 with the same order for each repeat.
async fn create(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Json(new): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), Refusal> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    // Without the header the key is empty, which is an error. With several customers the scope is the customer's id.
    let key = Key { scope: "customer", key };
    let quantity = i64::from(new.quantity.get());

    // (1) `once` begins a transaction, claims the key, calls `work`, stores the order with the key, and commits.
    let work = async move |connection: &mut PgConnection| place(connection, quantity).await;
    let placed = idempotency::once(&shop.pool, &key, &new, work).await.map_err(|error| refusal(&error))?;
    // (4) The transaction is committed, and the customer is not told yet.
    shop.waker.wake();
    let status = if placed.is_repeat { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(placed.value)))
}

/// Makes all changes of one order in the caller's transaction. An error undoes all of them.
async fn place(connection: &mut PgConnection, quantity: i64) -> Result<Order, PlaceError> {
    // (2) The update locks the row until the end of the transaction, so the check of the stock stays true. Orders that
    // arrive at the same time wait here for each other. All of them take the locks in the same order: the item, the
    // customer, the shop. So there is no deadlock.
    let take = "update items set stock = stock - $1 where name = 'teapot' and stock >= $1 returning price";
    let price: Option<i64> = sqlx::query_scalar(take).bind(quantity).fetch_optional(&mut *connection).await?;
    let total = price.ok_or(PlaceError::SoldOut)? * quantity;

    let charge = "update accounts set balance = balance - $1 where owner = 'customer' and balance >= $1";
    let charged = sqlx::query(charge).bind(total).execute(&mut *connection).await?;
    if charged.rows_affected() == 0 {
        return Err(PlaceError::Declined);
    }
    let earn = "update accounts set balance = balance + $1 where owner = 'shop'";
    sqlx::query(earn).bind(total).execute(&mut *connection).await?;

    let insert = "insert into orders (quantity, total) values ($1, $2)
        returning id, quantity, total, false as is_shipped";
    let order: Order = sqlx::query_as(insert).bind(quantity).bind(total).fetch_one(&mut *connection).await?;

    // (3) The events are rows of the same transaction. To publish them here instead would announce an order that may
    // still be rolled back; to publish them after the commit would lose them if the process died in between.
    let payload = serde_json::json!({ "order": order.id, "total": total }).to_string();
    for kind in ["order.placed", "order.paid"] {
        let event = Event::new(kind, order.id, payload.clone());
        outbox::write(connection, &Tables::default(), &event).await?;
    }
    Ok(order)
}

async fn show(State(shop): State<Shop>, Path(id): Path<Uuid>) -> Result<Json<Order>, Refusal> {
    let order = shop.orders.submit(id).await.map_err(|error| refusal(&OnceError::Database(error)))?;
    order.map(Json).ok_or_else(|| (StatusCode::NOT_FOUND, "there is no such order".to_owned()))
}

async fn find(pool: PgPool, ids: Arc<[Uuid]>) -> sqlx::Result<HashMap<Uuid, Order>> {
    let select = "select id, quantity, total, exists (select from shipments where order_id = orders.id) as is_shipped
        from orders where id = any($1)";
    let orders: Vec<Order> = sqlx::query_as(select).bind(&*ids).fetch_all(&pool).await?;
    Ok(orders.into_iter().map(|order| (order.id, order)).collect())
}

/// 409: the first request with this key still runs. 422: the key belongs to another request, or the order is refused
/// and nothing is stored. After 409 and 503 the client repeats the request with the same key.
fn refusal(error: &OnceError<PlaceError>) -> Refusal {
    let status = match error {
        OnceError::InvalidKey(_) => StatusCode::BAD_REQUEST,
        OnceError::InProgress => StatusCode::CONFLICT,
        OnceError::Reused | OnceError::Work(PlaceError::SoldOut | PlaceError::Declined) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        _ => {
            tracing::warn!(%error, "request failed");
            return (StatusCode::SERVICE_UNAVAILABLE, "try again with the same key".to_owned());
        }
    };
    (status, error.to_string())
}
