//! The couriers, and adding one.

use askama::Template;

use crate::pages::views::{
    layout::{Layout, Problem},
    map::CourierView,
};

#[derive(Template)]
#[template(path = "operator-couriers.html")]
pub struct Couriers {
    pub layout: Layout,
    pub couriers: Vec<CourierView>,
    pub problem: Option<Problem>,
}

impl Couriers {
    /// The entry of the navigation for this page.
    const TAB: &'static str = "couriers";
}
