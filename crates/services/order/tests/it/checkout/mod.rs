//! Tests of `/api/orders`: its HTTP endpoints, and the orders that are paid from the balance without a request.

mod http;
mod payment;
mod self_payment;
