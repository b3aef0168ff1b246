//! What a report says as a whole.

use audit::{Facts, Verdict};

use crate::shop::{OPEN, shop};

#[test]
fn a_shop_that_is_well_keeps_every_invariant() {
    let report = audit::check(&shop());

    assert!(report.holds(), "{report}");
    assert_eq!(report.findings.iter().map(|finding| finding.number).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    assert!(report.findings.iter().all(|finding| finding.counted.iter().any(|count| count.count > 0)), "{report}");
}

#[test]
fn an_audit_that_finds_nothing_to_look_at_does_not_pass() {
    let report = audit::check(&Facts::default());

    assert!(!report.holds());
    assert!(report.findings.iter().all(|finding| finding.verdict == Verdict::NothingToCheck), "{report}");
    assert!(report.to_string().contains("NOTHING TO CHECK"));
    assert_eq!(report.summary(), "0 of 9 invariants hold; for 9 there is nothing to check");
}

#[test]
fn a_table_shows_verdicts_counts_and_the_rows_that_break_an_invariant() {
    let mut facts = shop();
    facts.orders.retain(|order| order.uuid != OPEN);

    let table = audit::check(&facts).to_string();

    assert!(table.contains("1  BROKEN"), "{table}");
    assert!(table.contains("9  holds"), "{table}");
    assert!(table.contains("3 orders"), "{table}");
    assert!(table.contains(&format!("order {OPEN}: acknowledged as created, and does not exist")), "{table}");
    assert!(table.contains("invariants are broken, by"), "{table}");
}

#[test]
fn a_report_is_json_too() {
    let json = serde_json::to_value(audit::check(&shop())).unwrap();

    assert_eq!(json["findings"][0]["verdict"], "holds");
    assert_eq!(json["findings"][0]["counted"][0], serde_json::json!({ "of": "orders", "count": 4 }));
}
