//! Grafana's dashboards, each from a table of panels.

mod delivery;
mod edge;
mod events;
mod grafana;
mod overview;
mod panel;
mod services;
mod shop;

pub use panel::{Dashboard, Link, Panel, Query};

/// The folder that Grafana reads, relative to this crate.
pub const FOLDER: &str = "../../../deploy/observability/grafana/dashboards/json";

/// All dashboards, from the most general to the most specific.
pub const ALL: [&Dashboard; 6] = [
    &overview::DASHBOARD,
    &shop::DASHBOARD,
    &services::DASHBOARD,
    &events::DASHBOARD,
    &delivery::DASHBOARD,
    &edge::DASHBOARD,
];
