//! Explains to the sender of a request why serde rejects a member or a parameter.
//!
//! No text repeats a value: it may be a misplaced password, and clients may log the response.

use crate::invalid::{FieldCode, InvalidField};

/// The names of the parts of a request that contain the members.
pub(crate) const BODY: &str = "body";
pub(crate) const QUERY: &str = "query";
/// The message for a member that is absent.
pub(crate) const REQUIRED: &str = "is required";
/// How many characters of an unknown member's name the problem repeats.
const NAME_SHOWN: usize = 64;
/// The maximum number of known members that are listed when none resembles an unknown one.
const LISTED: usize = 10;

/// Describes serde's error about the member at `path`. At the top, `path` is [`BODY`] or [`QUERY`].
pub(crate) fn describe(path: &str, error: &str) -> InvalidField {
    let at = |name: &str| match path {
        BODY | QUERY => name.to_owned(),
        parent => format!("{parent}.{name}"),
    };
    if let Some(name) = quoted(error, "missing field `") {
        return InvalidField::new(at(name), FieldCode::Required, REQUIRED);
    }
    if let Some(name) = quoted(error, "duplicate field `") {
        return InvalidField::new(at(name), FieldCode::Repeated, "must be sent at most once");
    }
    if let Some((name, known)) = unknown(error) {
        // serde_path_to_error makes an unknown member part of the path.
        let field = if [BODY, QUERY].contains(&path) { name } else { path };
        let field: String = field.chars().flat_map(char::escape_default).take(NAME_SHOWN).collect();
        return InvalidField::new(field, FieldCode::Unknown, hint(name, &known));
    }
    if error.starts_with("UUID parsing failed") {
        return InvalidField::invalid(path, "must be a uuid");
    }
    let shows_value = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];
    // In these errors, the text after the last `expected` comes from the program. Other errors come from a type with
    // its own parser and may repeat part of the value.
    let expected = error.rsplit_once(", expected ").map(|(_, expected)| expected);
    match expected.filter(|_| shows_value.iter().any(|beginning| error.starts_with(beginning))).and_then(plain) {
        Some(expected) => InvalidField::invalid(path, format!("must be {expected}")),
        None => InvalidField::invalid(path, "is not valid"),
    }
}

fn quoted<'t>(text: &'t str, beginning: &str) -> Option<&'t str> {
    text.strip_prefix(beginning)?.split('`').next()
}

/// Returns an unknown member's name, which its sender chose, and the names of the known members.
fn unknown(error: &str) -> Option<(&str, Vec<&str>)> {
    let rest = error.strip_prefix("unknown field `")?;
    match rest.rsplit_once("`, expected ") {
        Some((name, known)) => Some((name, known.split('`').skip(1).step_by(2).collect())),
        None => Some((rest.strip_suffix("`, there are no fields")?, Vec::new())),
    }
}

fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("is not known; did you mean {nearest}?"),
        None if known.is_empty() || known.len() > LISTED => "is not known".to_owned(),
        None => format!("is not known; use {}", listed(known)),
    }
}

/// Returns the known name that differs least from `name`, if it differs by at most a third of its characters, or by
/// one.
pub(crate) fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let distance = |known: &&str| strsim::osa_distance(&name.to_lowercase(), &known.to_lowercase());
    let (nearest, distance) =
        known.iter().map(|known| (*known, distance(known))).min_by_key(|(_, distance)| *distance)?;
    (distance <= (name.chars().count() / 3).max(1)).then_some(nearest)
}

fn listed(names: &[&str]) -> String {
    match names {
        [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
        _ => names.join(""),
    }
}

/// Describes what serde expected, without the names of Rust's types.
fn plain(expected: &str) -> Option<String> {
    let plain = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number of at least 0",
        "i8" => "a whole number from -128 to 127",
        "i16" => "a whole number from -32768 to 32767",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a borrowed string" => "a string",
        "a sequence" => "an array",
        "a map" => "an object",
        uuid if uuid.ends_with("UUID string") => "a uuid",
        object if object.starts_with("struct ") => "an object",
        variants if variants.contains('`') => {
            return Some(listed(&variants.split('`').skip(1).step_by(2).collect::<Vec<_>>()));
        }
        rust if ["enum ", "tuple ", "newtype ", "unit ", "internally ", "adjacently ", "variant "]
            .iter()
            .any(|word| rust.starts_with(word)) =>
        {
            return None;
        }
        own => own,
    };
    Some(plain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_error_is_described_without_names_of_rust() {
        for (path, error, message) in [
            ("speed", "invalid type: string \"x\", expected i64", "speed: must be a whole number"),
            (
                "items[0].price",
                "invalid value: integer `-1`, expected u8",
                "items[0].price: must be a whole number from 0 to 255",
            ),
            (
                "method",
                "unknown variant `x`, expected one of `CARD`, `SBP`, `CREDIT`",
                "method: must be CARD, SBP or CREDIT",
            ),
            ("method", "unknown variant `, expected x`, expected `CARD` or `SBP`", "method: must be CARD or SBP"),
            ("address", "invalid type: integer `1`, expected struct Address", "address: must be an object"),
            (
                "amount",
                "invalid type: map, expected an amount with two decimals",
                "amount: must be an amount with two decimals",
            ),
            (BODY, "missing field `name`", "name: is required"),
            ("items[1]", "missing field `price`", "items[1].price: is required"),
            (BODY, "duplicate field `name`", "name: must be sent at most once"),
            (
                BODY,
                "unknown field `delivery_adress`, expected `user_uuid` or `delivery_address`",
                "delivery_adress: is not known; did you mean delivery_address?",
            ),
            (
                BODY,
                "unknown field `x`, expected `user_uuid` or `delivery_address`",
                "x: is not known; use user_uuid or delivery_address",
            ),
            (BODY, "unknown field `a`, expected `b`, expected `name`", "a`, expected `b: is not known; use name"),
            (BODY, "unknown field `x`, there are no fields", "x: is not known"),
            ("address.x", "unknown field `x`, expected `city`", "address.x: is not known; use city"),
            ("user", "UUID parsing failed: invalid character: found `h` at 1", "user: must be a uuid"),
        ] {
            let field = describe(path, error);
            assert_eq!(format!("{}: {}", field.field, field.message), message);
        }
    }

    #[test]
    fn a_long_name_is_cut_short_and_a_strange_one_escaped() {
        let error = format!("unknown field `\u{1b}{}`, there are no fields", "x".repeat(10_000));

        let name = describe(BODY, &error).field;

        assert!(name.starts_with("\\u{1b}xx") && name.len() < 100, "{name}");
    }

    #[test]
    fn only_a_name_that_is_near_is_suggested() {
        let known = ["ORDER_LISTEN", "ORDER_DATABASE_URL"];
        assert_eq!(nearest("ORDER_LSTEN", &known), Some("ORDER_LISTEN"));
        assert_eq!(nearest("order_listen", &known), Some("ORDER_LISTEN"));
        assert_eq!(nearest("ORDER_SERVICE_HOST", &known), None);
    }
}
