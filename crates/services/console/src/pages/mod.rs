//! The HTML pages. Every form works without scripts; scripts only add live updates.

mod answers;
mod assets;
mod checkout;
mod compression;
pub mod drawing;
mod export;
pub mod format;
mod fragments;
mod frame;
mod known;
mod login;
mod map;
mod operator;
mod order;
mod orders;
mod parts;
mod payments;
mod profile;
mod refusal;
mod shop;
pub mod step;
mod steps;
mod summary;
pub mod views;
mod visit;
pub mod words;

use axum::{Router, middleware::from_fn, routing::get};
use platform::shared_layer::shared;

use crate::api::Api;
pub use answers::{after_form, as_page, not_found};
pub use checkout::refused as checkout_refused;
pub use compression::compressed;
pub use export::file as export;
pub use login::{login_refused, register_refused};
pub use operator::{Confirmation, confirm, part_name};
pub use visit::Visit;

/// Returns the pages that everybody may see, and the assets.
pub fn public() -> Router<Api> {
    Router::new()
        .route("/console/login", get(login::login))
        .route("/console/register", get(login::register))
        .route("/console/assets/{name}", get(assets::serve))
}

/// Returns the pages of users and operators.
pub fn routes() -> Router<Api> {
    let fragments = Router::new()
        .route("/console/orders/{order_uuid}/summary", get(order::summary))
        .route("/console/orders/{order_uuid}/timeline", get(order::timeline))
        .route("/console/orders/{order_uuid}/receipt", get(order::receipt))
        .route("/console/map/grid", get(map::grid))
        .layer(shared(from_fn(fragments::in_page)));
    Router::new()
        .route("/console/", get(shop::show))
        .route("/console/checkout", get(checkout::show))
        .route("/console/orders", get(orders::show))
        .route("/console/orders/{order_uuid}", get(order::show))
        .route("/console/map", get(map::show))
        .route("/console/profile", get(profile::show))
        .route("/console/payments", get(payments::show))
        .merge(fragments)
        .merge(operator::routes())
}
