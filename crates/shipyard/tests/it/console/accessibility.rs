//! Runs the accessibility checker axe on every page of the console, with the light and the dark colour scheme, at the
//! widths of a phone and a desktop window.

use std::path::Path;

use serde_json::Value;

use super::browser::Browser;
use crate::{customer::Customer, operator, system::System};

/// The script of axe, which `scripts/axe` downloads.
const AXE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/axe.min.js");
/// The widths of a phone and a desktop window, in CSS pixels.
const WIDTHS: [u32; 2] = [360, 1280];

/// axe's serious findings on the page, one line each.
async fn findings(browser: &Browser, axe: &str) -> Vec<String> {
    browser.script(axe).await;
    let found = browser
        .script_with_result(
            "const done = arguments[arguments.length - 1];
            axe.run().then(found => done(found.violations
                .filter(one => ['serious', 'critical'].includes(one.impact))
                .map(one => `${one.id}: ${one.nodes.map(node => node.target.join(' ')).join(', ')}`)),
                error => done([`axe: ${error}`]))",
        )
        .await;
    found.as_array().into_iter().flatten().map(Value::to_string).collect()
}

async fn assert_accessible(browser: &Browser, axe: &str, views: &[&str]) {
    let mut wrong = Vec::new();
    for view in views {
        for scheme in ["light", "dark"] {
            for width in WIDTHS {
                browser.shown(scheme, width).await;
                browser.open(view).await;
                let found = findings(browser, axe).await;
                wrong.extend(found.into_iter().map(|finding| format!("{view}, {scheme}, {width} px: {finding}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
#[ignore = "needs axe, which scripts/axe gets"]
async fn no_view_has_a_serious_finding_of_axe() {
    let axe = std::fs::read_to_string(Path::new(AXE)).expect("run scripts/axe first");
    let system = System::start().await;
    let customer = Customer::new(&system).await;
    let part = customer.part("Window A").await.uuid;
    let order = customer.order_to("Main Street 1", &part).await;
    let unpaid = customer.order(&[&part]).await;
    customer.pay(order).await.success(200);
    let browser = Browser::start(&system).await;

    assert_accessible(&browser, &axe, &["/console/login", "/console/register"]).await;
    browser.log_in(&customer.session).await;
    browser.open(&format!("/console/orders/{order}")).await;
    browser.wait_for("h1", "Your ship has arrived").await;
    let views = [
        "/console/",
        &format!("/console/checkout?{part}=2&key=axe"),
        "/console/orders",
        &format!("/console/orders/{order}"),
        &format!("/console/orders/{unpaid}"),
        "/console/map",
        "/console/profile",
        "/console/payments",
        "/console/nowhere",
    ];
    assert_accessible(&browser, &axe, &views).await;
    browser.log_in(&operator::session(&system).await).await;
    let pages = ["services", "dead-letters", "outbox", "lag", "audit", "couriers", "actions"];
    let pages = pages.map(|page| format!("/console/operator/{page}"));
    assert_accessible(&browser, &axe, &pages.each_ref().map(String::as_str)).await;
}
