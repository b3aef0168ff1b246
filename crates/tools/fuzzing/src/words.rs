//! Values at the limits of what decoders accept.

use uuid::Uuid;

use crate::input::Input;

/// Texts of the contracts, and texts that parsers often mishandle.
const TEXTS: [&str; 40] = [
    "CARD",
    "PAYMENT_METHOD_SBP",
    "INVESTOR_MONEY",
    "SUCCESS",
    "INSUFFICIENT_FUNDS",
    "FAILED",
    "PENDING",
    "IN_TRANSIT",
    "OUT_FOR_DELIVERY",
    "DELIVERED",
    "2026-01-31",
    "+262142-12-31",
    "A1B2C3D4E5F6",
    "Main Street 1",
    "engine",
    "ann",
    "ann@example.com",
    "SecurePassword123!",
    "telegram",
    "12345",
    "",
    " ",
    "\0",
    "\u{202e}",
    "Ünïcödé",
    "e\u{301}",
    "ﬃ",
    "🚀",
    "null",
    "NaN",
    "-1",
    "+5",
    "05",
    "18446744073709551616",
    "../../etc/passwd",
    "%00",
    "{}",
    "<script>",
    "00000000000000000000000000000000000000000000000000",
    "000640d6e5c3a00000000000000000000000000000000001",
];

const INTEGERS: [i64; 18] = [
    1,
    2,
    0,
    -1,
    5,
    100,
    101,
    1_000,
    1_001,
    10_000,
    10_001,
    65_536,
    2_147_483_647,
    2_147_483_648,
    -2_147_483_648,
    9_007_199_254_740_993,
    i64::MAX,
    i64::MIN,
];

const NUMBERS: [f64; 12] =
    [100.0, 1.0, 0.01, 0.0, -0.0, -1.0, 0.001, 1e15, 9.3e16, 1e308, f64::MIN_POSITIVE, 0.1 + 0.2];

/// Returns a field's text, mostly a meaningful one.
pub fn text(input: &mut Input<'_>) -> String {
    match input.byte() % 16 {
        0..=5 => (*input.pick(&TEXTS)).to_owned(),
        6..=10 => uuid(input),
        11 => input.pick(&["x", "é", "🚀", " "]).repeat(*input.pick(&[100, 101, 128, 129, 300, 301, 5_000])),
        _ => input.text(),
    }
}

/// Returns the text of a UUID, mostly a valid one.
pub fn uuid(input: &mut Input<'_>) -> String {
    let choice = input.byte() % 16;
    if choice == 15 {
        return input.text();
    }
    let uuid = Uuid::from_u128(if input.once_in(2) { input.u128() } else { u128::from(input.byte()) });
    match choice {
        13 => uuid.simple().to_string().to_uppercase(),
        14 => uuid.urn().to_string(),
        _ => uuid.to_string(),
    }
}

pub fn integer(input: &mut Input<'_>) -> i64 {
    if input.once_in(4) { input.u64().cast_signed() } else { *input.pick(&INTEGERS) }
}

pub fn number(input: &mut Input<'_>) -> f64 {
    if input.once_in(4) { f64::from_bits(input.u64()) } else { *input.pick(&NUMBERS) }
}
