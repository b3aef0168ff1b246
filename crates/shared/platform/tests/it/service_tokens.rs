//! Tests of service tokens that an attacker with a key or with one token could create.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use platform::clock;
use serde_json::{Value, json};

use crate::serving::key;

/// Returns true if inventory accepts a token from order with these claims, signed with the key that all services share.
fn is_accepted(header: &Header, claims: &Value) -> bool {
    let signing = EncodingKey::from_secret(testkit::SERVICE_KEY.as_bytes());
    let inventory = key("inventory");
    let token = encode(header, claims, &signing).expect("HS256 is known once a key has been made");
    inventory.verify(&token).is_ok_and(|service| service == "order")
}

/// Returns the claims of a token that was issued `age` seconds ago with a lifetime of `life` seconds.
fn claims(age: i64, life: i64) -> Value {
    let iat = clock::now().timestamp() - age;
    json!({ "iss": "order", "aud": "inventory", "iat": iat, "exp": iat + life })
}

#[test]
fn a_token_lives_a_minute_at_most_and_is_of_this_hour() {
    let header = Header::new(Algorithm::HS256);

    assert!(is_accepted(&header, &claims(0, 60)));
    for life in [61, 300, 3600, 86_400, -1, i64::MAX / 2] {
        assert!(!is_accepted(&header, &claims(0, life)), "a token of {life} s is accepted");
    }
    assert!(is_accepted(&header, &claims(-3600, 60)), "clocks may differ by an hour");
    assert!(!is_accepted(&header, &claims(-86_400, 60)), "a token of tomorrow is accepted until then");
}

#[test]
fn a_token_without_its_time_or_of_another_type_is_refused() {
    let mut timeless = claims(0, 60);
    timeless.as_object_mut().unwrap().remove("iat");
    assert!(!is_accepted(&Header::new(Algorithm::HS256), &timeless));

    for (typ, accepted) in
        [(None, true), (Some("JWT"), true), (Some("at+jwt"), false), (Some("jwt+x"), false), (Some(""), false)]
    {
        let header = Header { typ: typ.map(str::to_owned), ..Header::new(Algorithm::HS256) };
        assert_eq!(is_accepted(&header, &claims(0, 60)), accepted, "{typ:?}");
    }
}
