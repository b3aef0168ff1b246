//! The HTML pages. Every form works without scripts; scripts only add live updates.

mod assets;
mod checkout;
mod compression;
mod drawing;
mod export;
pub mod format;
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
mod receipt;
mod refusal;
mod responses;
mod shop;
mod steps;
mod summary;
mod timeline;
mod words;

use axum::middleware::from_fn;
use platform::{
    http::endpoints::{Endpoints, PUBLIC, USER},
    shared_layer::shared,
};

use crate::api::Api;
pub use checkout::refused as checkout_refused;
pub use compression::compressed;
pub use export::export;
pub use login::{login_refused, register_refused};
pub use operator::{Confirmation, confirm, part_name};
pub use profile::account_deleted;
pub use responses::{after_form, as_page, not_found};

pub fn all() -> Endpoints<Api> {
    let fragments = Endpoints::default()
        .page(USER, "/console/orders/{order_uuid}/summary", order::summary)
        .page(USER, "/console/orders/{order_uuid}/timeline", order::timeline)
        .page(USER, "/console/orders/{order_uuid}/receipt", order::receipt)
        .page(USER, "/console/map/grid", map::grid)
        .around(|fragments| fragments.layer(shared(from_fn(responses::in_page))));
    Endpoints::default()
        .page(PUBLIC, "/console/assets/{name}", assets::serve)
        .page(PUBLIC, "/console/login", login::login)
        .page(PUBLIC, "/console/register", login::register)
        .page(USER, "/console/", shop::show)
        .page(USER, "/console/checkout", checkout::show)
        .page(USER, "/console/orders", orders::show)
        .page(USER, "/console/orders/{order_uuid}", order::show)
        .page(USER, "/console/map", map::show)
        .page(USER, "/console/profile", profile::show)
        .page(USER, "/console/payments", payments::show)
        .merge(fragments)
        .merge(operator::all())
}
