//! Common passwords, which attackers guess first: Django's list, from `data/common-passwords`.

use std::{collections::HashSet, sync::LazyLock};

use super::caseless;

static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("../../data/common-passwords/django.txt").lines().collect());

/// Returns true if the password is on the list, ignoring case, Unicode form and surrounding spaces.
pub fn contain(password: &str) -> bool {
    COMMON.contains(caseless(password.trim()).as_str())
}
