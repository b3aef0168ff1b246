//! Which messages are orders, and which rule each invalid message breaks.

use chrono::{DateTime, TimeZone as _, Utc};
use intake::{model::Order, service::read};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::example;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

fn parse(value: &Value) -> Result<Order, String> {
    read(value.to_string().as_bytes(), now()).map_err(|broken| broken.to_string())
}

/// The example with another value at this path.
fn with(pointer: &str, value: Value) -> Value {
    let mut order = example();
    *order.pointer_mut(pointer).unwrap() = value;
    order
}

#[test]
fn absent_and_null_members_are_empty_and_unknown_ones_are_ignored() {
    let mut order = example();
    for name in ["locale", "sm_id", "entry"] {
        order.as_object_mut().unwrap().remove(name);
    }
    order["delivery"]["zip"] = Value::Null;
    order["more"] = json!({ "of": ["everything"] });

    let order = parse(&order).unwrap();

    assert_eq!((order.locale.as_str(), order.sm_id, order.delivery.zip.as_str()), ("", 0, ""));
}

#[test]
fn each_broken_rule_is_named_with_its_path_and_without_its_value() {
    let long = "secret".repeat(200);
    let items: Vec<Value> = vec![example()["items"][0].clone(); 1_001];
    let wrong = [
        ("/order_uid", json!(" "), "order_uid: must not be blank"),
        ("/order_uid", json!("s".repeat(65)), "order_uid: must have at most 64"),
        ("/track_number", json!(""), "track_number: must not be blank"),
        ("/customer_id", Value::Null, "customer_id: must not be blank"),
        ("/delivery", Value::Null, "delivery.name: must not be blank"),
        ("/delivery/name", json!("\t"), "delivery.name: must not be blank"),
        ("/delivery/phone", json!(""), "delivery.phone: must not be blank"),
        ("/delivery/city", json!(""), "delivery.city: must not be blank"),
        ("/delivery/address", json!(""), "delivery.address: must not be blank"),
        ("/delivery/address", json!(long), "delivery.address: must have at most 1000"),
        ("/delivery/region", json!("secret\0"), "delivery.region: must have no NUL"),
        ("/delivery/email", json!("secret"), "delivery.email: must have an @"),
        ("/payment/currency", json!(""), "payment.currency: must not be blank"),
        ("/payment/provider", json!(""), "payment.provider: must not be blank"),
        ("/payment/transaction", json!(""), "payment.transaction: must not be blank"),
        ("/payment/amount", json!(0), "payment.amount: must be above 0"),
        ("/payment/amount", json!("secret"), "payment.amount: must be a whole number"),
        ("/payment/amount", json!(1.5), "payment.amount: must be a whole number"),
        ("/payment", json!(["secret"]), "payment: must be an object"),
        ("/items", json!([]), "items: must have 1 to 1000 entries"),
        ("/items", json!(items), "items: must have 1 to 1000 entries"),
        ("/items", json!({}), "items: must be an array"),
        ("/items/0", json!(["secret"]), "items[0]: must be an object"),
        ("/items/0/name", json!(""), "items[0].name: must not be blank"),
        ("/items/0/brand", json!(""), "items[0].brand: must not be blank"),
        ("/items/0/price", json!(0), "items[0].price: must be above 0"),
        ("/items/0/price", json!("secret"), "items[0].price: must be a whole number"),
        ("/items/0/sale", json!(-1), "items[0].sale: must be at least 0"),
        ("/items/0/total_price", json!(-1), "items[0].total_price: must be at least 0"),
        ("/items/0/total_price", json!(316), "items[0].total_price: must be at least"),
        ("/date_created", Value::Null, "date_created: must be from"),
        ("/date_created", json!("2016-11-20T11:59:59Z"), "date_created: must be from"),
        ("/date_created", json!("2026-11-20T13:00:01Z"), "date_created: must be from"),
        ("/date_created", json!("secret"), "date_created: must be a time"),
        ("/sm_id", json!(9_223_372_036_854_775_808_u64), "sm_id: must be a whole number"),
    ];
    for (pointer, value, expected) in wrong {
        let error = parse(&with(pointer, value)).unwrap_err();

        assert!(error.starts_with(expected), "{expected}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn values_at_the_limits_are_accepted() {
    for (pointer, value) in [
        ("/order_uid", json!("ü".repeat(64))),
        ("/delivery/address", json!("ü".repeat(1_000))),
        ("/date_created", json!("2016-11-20T12:00:00Z")),
        ("/date_created", json!("2026-11-20T16:00:00+03:00")),
        ("/items/0/total_price", json!(318)),
    ] {
        let order = parse(&with(pointer, value));

        assert!(order.is_ok(), "{pointer}: {order:?}");
    }
}

/// Some programs write whole numbers as doubles.
#[test]
fn a_whole_number_is_read_however_it_is_written() {
    let with = |fee: &str| example().to_string().replace(r#""custom_fee":0"#, &format!(r#""custom_fee":{fee}"#));
    for (fee, read_as) in [
        ("-0", 0),
        ("-0.0", 0),
        ("1.0", 1),
        ("1e2", 100),
        ("-1.50E+1", -15),
        ("9007199254740991.0", 9_007_199_254_740_991),
        ("9223372036854775807.000", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("null", 0),
    ] {
        let order = read(with(fee).as_bytes(), now());

        assert_eq!(order.map(|order| order.payment.custom_fee), Ok(read_as), "{fee}");
    }
    for fee in [
        "0.5",
        "1e-1",
        "1.0000000000000000000001",
        "9223372036854775808",
        "1e19",
        "1e999999999999999999999",
        "\"1\"",
        "[]",
        "true",
    ] {
        let error = read(with(fee).as_bytes(), now()).unwrap_err();

        assert_eq!(error.to_string(), "payment.custom_fee: must be a whole number", "{fee}");
    }
}

#[test]
fn a_message_that_is_no_json_object_or_too_long_is_refused() {
    let long = format!("{}{}", example(), " ".repeat(1 << 20));
    for (payload, expected) in [
        (&b"secret"[..], "body: must be a JSON object"),
        (b"", "body: must be a JSON object"),
        (b"[\"secret\"]", "body: must be a JSON object"),
        (b"{\"order_uid\": \"secret", "body: "),
        (b"{\"order_uid\": \"\xff\"}", "body: "),
        (long.as_bytes(), "body: must have at most 1 MiB"),
    ] {
        let error = read(payload, now()).unwrap_err().to_string();

        assert!(error.starts_with(expected) && !error.contains("secret"), "{error}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(payload: Vec<u8>, place in 0_usize..900, byte: u8) {
        let _ = read(&payload, now());
        let mut order = example().to_string().into_bytes();
        if let Some(slot) = order.get_mut(place) {
            *slot = byte;
        }
        let _ = read(&order, now());
    }
}
