//! No session works after its logout was acknowledged.

use crate::fixture::{breaks, holds};

#[test]
fn a_session_outlives_its_logout() {
    holds(9, |_| ());
    breaks(9, &["GET /api/v1/orders", "answered 200"], |facts| {
        facts.probes[1].answered = "200".to_owned();
        facts.probes[1].refused = false;
    });
}
