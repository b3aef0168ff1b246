//! The built-in checker: approves adults whose names are not on the list of declined names.

use std::collections::BTreeSet;

use async_trait::async_trait;
use contracts::caseless::caseless;

use super::{CheckRequest, Checker, Unknown};
use crate::model::{Verdict, Words};

/// In years.
const MIN_AGE: u32 = 18;

#[derive(Clone, Debug, Default)]
pub struct BuiltIn {
    /// The declined names, each as [`caseless`] returns it.
    declined: BTreeSet<String>,
}

impl BuiltIn {
    /// `names` are the declined names, separated by commas; case, Unicode form and surrounding spaces do not
    /// matter.
    pub fn new(names: &str) -> Self {
        Self { declined: names.split(',').map(normal).filter(|name| !name.is_empty()).collect() }
    }
}

fn normal(name: &str) -> String {
    caseless(name.trim())
}

#[async_trait]
impl Checker for BuiltIn {
    async fn ask(&self, request: &CheckRequest) -> Result<Verdict, Unknown> {
        let words = if request.profile.birth_date.age(request.today) < MIN_AGE {
            "is under 18"
        } else if self.declined.contains(&normal(request.profile.name.as_str())) {
            "the name is declined"
        } else {
            return Ok(Verdict::Approved);
        };
        Ok(Verdict::Refused(Words::fitting(words)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, BirthDate, Name, Profile};

    #[tokio::test]
    async fn adults_whose_names_are_not_declined_are_approved() {
        let checker = BuiltIn::new(" Mallory, Борис Годунов ,,Zoë");
        let today = "2026-06-15".parse().unwrap();

        for (name, born, approved) in [
            ("Ann", "2008-06-15", true),
            ("Ann", "2008-06-16", false),
            ("mallory ", "1990-01-01", false),
            ("БОРИС ГОДУНОВ", "1990-01-01", false),
            ("Борис Годуно\u{432}\u{200b}", "1990-01-01", false),
            ("Zoe\u{308}", "1990-01-01", false),
            ("Ｍallory", "1990-01-01", false),
            ("Mallory Smith", "1990-01-01", true),
        ] {
            let name = Name::new(name).unwrap();
            let birth_date = BirthDate::parse(born, today).unwrap();
            let profile = Profile { name, address: Address::default(), birth_date };
            let verdict = checker.ask(&CheckRequest { key: String::new(), profile, today }).await.unwrap();

            assert_eq!(verdict == Verdict::Approved, approved, "{born}");
        }
    }
}
