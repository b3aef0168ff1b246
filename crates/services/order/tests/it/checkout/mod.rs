//! `/api/orders`: its HTTP calls, and the orders that pay themselves.

mod http;
mod payment;
mod self_payment;
