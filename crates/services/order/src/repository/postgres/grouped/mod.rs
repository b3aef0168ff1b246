//! Changes of many orders at once, one statement per group. An order that a group does not decide is decided by a statement of its own,
//! which also finds the reason of a refusal. Rows of a table are locked in ascending order, so that the groups of two replicas do not
//! deadlock.

pub mod assemble;
pub mod begin;
pub mod create;
pub mod paid;

use std::fmt::Display;

/// An array as PostgreSQL reads it from text. A parameter cannot be an array of arrays of different lengths; the elements are uuids or
/// numbers, which need no quotes.
fn array_literal<T: Display>(elements: impl IntoIterator<Item = T>) -> String {
    let elements: Vec<String> = elements.into_iter().map(|element| element.to_string()).collect();
    format!("{{{}}}", elements.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_literal_has_each_element() {
        assert_eq!(array_literal([1, 2]), "{1,2}");
        assert_eq!(array_literal(Vec::<i64>::new()), "{}");
    }
}
