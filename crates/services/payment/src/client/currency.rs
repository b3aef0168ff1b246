//! The currencies in which a provider may charge: those with two decimals, because the shop's money has two.

/// The currencies whose minor unit is not a hundredth: an amount of 1000 would mean 1000 yen, or one Kuwaiti dinar,
/// instead of 10.00.
///
/// Source: ISO 4217, list one of 2024-06, plus the Malagasy ariary, which has no decimals at Stripe.
const OTHER_DECIMALS: &[&str] = &[
    "bif", "clp", "djf", "gnf", "isk", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "uyi", "vnd", "vuv", "xaf",
    "xof", "xpf", // Three decimals:
    "bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd", // Four decimals:
    "clf", "uyw",
];

/// Returns the currency's code in lower case. Fails if the text is not a code, or if the shop's amounts would be wrong
/// in this currency.
pub fn read(code: &str) -> Result<String, &'static str> {
    let code = code.to_lowercase();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err("is not three letters such as usd");
    }
    if OTHER_DECIMALS.contains(&code.as_str()) {
        return Err("is a currency that does not have two decimals, as the shop's prices have");
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_without_two_decimals_is_refused() {
        for code in ["jpy", "KRW", "Kwd", "clf", "mga"] {
            assert!(read(code).is_err(), "{code}");
        }
        for code in ["usd", "EUR", "rub"] {
            assert_eq!(read(code), Ok(code.to_lowercase()));
        }
    }
}
