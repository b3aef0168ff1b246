//! A whole report, and its text.

use audit::{Facts, Verdict};

use crate::shop::shop;

/// The number of rows of payment, provider, inventory, assembly and delivery about the fixture's orders.
const ROWS: usize = 10;

#[test]
fn a_shop_that_is_well_keeps_every_invariant() {
    let report = audit::check(&shop());

    assert!(report.holds(), "{report}");
    assert_eq!(report.summary(), "all 14 invariants hold");
    assert_eq!(report.findings.iter().map(|finding| finding.number).collect::<Vec<_>>(), (1..=14).collect::<Vec<_>>());
    assert!(report.findings.iter().all(|finding| finding.counted.iter().any(|count| count.count > 0)), "{report}");
}

#[test]
fn an_audit_that_finds_nothing_to_look_at_does_not_pass() {
    let report = audit::check(&Facts::default());

    assert!(!report.holds());
    assert!(report.findings.iter().all(|finding| finding.verdict == Verdict::NothingToCheck), "{report}");
    assert!(report.to_string().contains("NOTHING TO CHECK"));
    assert_eq!(report.summary(), "0 of 14 invariants hold; for 14 there is nothing to check");
}

#[test]
fn violations_are_counted_over_all_invariants() {
    let mut facts = shop();
    facts.probes[0].refused = false;
    let one = audit::check(&facts);
    facts.probes[1].refused = false;
    facts.orders.push(facts.orders[0].clone());
    let more = audit::check(&facts);

    assert_eq!((one.violations(), one.holds()), (1, false));
    assert_eq!(one.summary(), "1 of 14 invariants are broken, by 1 row");
    assert_eq!((more.violations(), more.broken().count()), (3, 2));
    assert_eq!(more.summary(), "2 of 14 invariants are broken, by 3 rows");
}

/// Returns the report, as text, of a shop in which `count` sessions work after their logout.
fn table(count: usize) -> String {
    let mut facts = shop();
    facts.probes[0].refused = false;
    facts.probes = vec![facts.probes[0].clone(); count];
    audit::check(&facts).to_string()
}

#[test]
fn a_table_shows_twenty_rows_of_an_invariant_and_how_many_more_there_are() {
    for (count, shown, rest) in [
        (1, 1, None),
        (20, 20, None),
        (21, 20, Some("   and 1 more; --json lists them all\n")),
        (25, 20, Some("   and 5 more; --json lists them all\n")),
    ] {
        let table = table(count);

        assert_eq!(table.matches("   Whoami: answered 401").count(), shown, "{table}");
        assert_eq!(table.contains("more; --json"), rest.is_some(), "{table}");
        assert!(rest.is_none_or(|rest| table.contains(rest)), "{table}");
    }
}

#[test]
fn a_table_is_written_as_a_person_reads_it() {
    let mut facts = shop();
    facts.probes[0].refused = false;
    facts.dead_letters.pop();
    let read = facts.dead_letters.len();
    let rows = ROWS + facts.notifications.len();
    facts.acknowledged.clear();
    facts.told = None;

    let table = audit::check(&facts).to_string();

    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[0],
        format!(
            " 1  holds             every acknowledged order exists exactly once                            \
             4 orders, 0 acknowledgements, 4 creations told of, {rows} rows of other services"
        )
    );
    assert_eq!(
        lines[8],
        " 9  BROKEN            no session works after its logout was acknowledged                      \
         2 uses after a logout"
    );
    assert_eq!(
        lines[14..],
        [
            "",
            &format!("8 cannot be checked: {read} of {} dead-letter topics were read", read + 1),
            "",
            "9 is broken by 1 row:",
            "   Whoami: answered 401 within a session that was logged out",
            "",
            "1: the responses to clients are unknown; the orders of all other rows are checked",
            "6: the messages in chats are unknown: notification's own rows are trusted",
            "",
            "1 of 14 invariants are broken, by 1 row",
        ]
    );
}

#[test]
fn nothing_is_noted_without_a_cause() {
    let mut facts = shop();
    facts.told = Some(Vec::new());
    facts.poison = Some(Vec::new());
    facts.refused = Some(Vec::new());

    let report = audit::check(&facts);

    assert!(report.findings.iter().all(|one| one.notes.is_empty() && one.missing.is_empty()), "{report}");
}
