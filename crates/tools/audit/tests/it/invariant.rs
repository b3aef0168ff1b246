//! Checks of what an audit finds in a spoilt shop.

use audit::{Facts, Finding, Verdict};

use crate::shop::shop;

pub fn finding(facts: &Facts, number: u8) -> Finding {
    audit::check(facts).findings.into_iter().find(|finding| finding.number == number).expect("the shop has it")
}

/// Changes a consistent shop with `spoil`, and checks that the invariant is violated by rows that contain each of
/// `texts`.
#[track_caller]
pub fn breaks(number: u8, texts: &[&str], spoil: impl FnOnce(&mut Facts)) {
    let mut facts = shop();
    spoil(&mut facts);

    let found = finding(&facts, number);

    let violations: Vec<String> = found.violations.iter().map(|one| format!("{}: {}", one.row, one.problem)).collect();
    assert_eq!(found.verdict, Verdict::Broken, "{found:?}");
    assert!(violations.iter().any(|one| texts.iter().all(|text| one.contains(text))), "{violations:#?} lack {texts:?}");
}

/// Changes a consistent shop, and checks that the invariant still holds.
#[track_caller]
pub fn holds(number: u8, change: impl FnOnce(&mut Facts)) -> Finding {
    let mut facts = shop();
    change(&mut facts);

    let found = finding(&facts, number);

    assert_eq!(found.verdict, Verdict::Holds, "{found:?}");
    found
}

/// The texts that one violation contains, and the change that causes it.
type Broken<'a> = (&'a [&'a str], &'a dyn Fn(&mut Facts));
/// The reason why the invariant still holds, and the change.
type Held<'a> = (&'a str, &'a dyn Fn(&mut Facts));

/// An invariant, by its number.
pub struct Invariant(pub u8);

impl Invariant {
    /// Changes a consistent shop as each row says, and checks that the audit finds it.
    #[track_caller]
    pub fn is_broken_by(&self, rows: &[Broken<'_>]) {
        for (texts, spoil) in rows {
            breaks(self.0, texts, spoil);
        }
    }

    /// Changes a consistent shop as each row says, and checks that the invariant still holds.
    #[track_caller]
    pub fn holds_though(&self, rows: &[Held<'_>]) {
        for (why, change) in rows {
            println!("{why}");
            holds(self.0, change);
        }
    }
}
