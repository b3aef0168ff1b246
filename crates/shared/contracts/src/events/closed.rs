//! Closed sets: the values of a field that the contract defines.

/// The values that a field of the type `V` may have.
pub(super) trait ClosedSet<V> {
    /// Describes the value of `field` if it is not in the set. Omits texts, which may be personal data.
    fn unknown(&self, field: &str, value: &V) -> Option<String>;
}

impl<const N: usize> ClosedSet<String> for [&str; N] {
    fn unknown(&self, field: &str, value: &String) -> Option<String> {
        (!self.contains(&value.as_str())).then(|| format!("unknown {field}"))
    }
}

/// The numbers of a protobuf enumeration.
pub(super) struct Numbers(pub fn(i32) -> bool);

impl ClosedSet<i32> for Numbers {
    fn unknown(&self, field: &str, value: &i32) -> Option<String> {
        (!(self.0)(*value)).then(|| format!("unknown {field}: {value}"))
    }
}
