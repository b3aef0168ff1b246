//! `platform` contains no word of the domain.

use crate::tree::{crates, read_without_tests, shown};

/// Words that only a spaceship shop needs.
const DOMAIN: &str = "spaceship iam inventory payment assembly order_uuid orderpaid telegram money refund warehouse";

#[test]
fn the_platform_has_no_word_of_the_domain() {
    let platform = crates().into_iter().find(|one| one.name == "platform").unwrap();
    let mut found = Vec::new();
    for file in platform.sources() {
        for (number, line) in read_without_tests(&file).to_lowercase().lines().enumerate() {
            let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            if let Some(word) = words.find(|word| DOMAIN.split(' ').any(|one| one == *word)) {
                found.push(format!("{}:{}: {word}", shown(&file), number + 1));
            }
        }
    }

    assert!(
        found.is_empty(),
        "the platform serves any domain; move these to crates/shared/contracts or to a service:\n{}",
        found.join("\n")
    );
}
