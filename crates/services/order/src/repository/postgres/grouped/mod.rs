//! Statements that read or change a group of orders at once. If a statement skips an order, the caller executes a
//! separate statement for that order, which also determines the reason of a refusal. Rows are locked in ascending
//! order, so that the statements of two replicas do not deadlock.

pub mod assemble;
pub mod begin;
pub mod create;
pub mod find;
pub mod paid;

use std::fmt::Display;

/// Returns a PostgreSQL array literal. The statements take a text array of such literals, because a parameter cannot be an array of arrays
/// of different lengths. The elements are UUIDs or numbers, which need no quotes.
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
