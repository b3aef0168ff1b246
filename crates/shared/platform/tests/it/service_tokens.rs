//! Tests of service tokens that an attacker with a key or with one token could create.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use platform::clock;
use serde_json::{Value, json};

use crate::serving::key;

/// Returns a token with these claims, signed with the key that all services share.
fn signed(header: &Header, claims: &Value) -> String {
    let key = EncodingKey::from_secret(testkit::SERVICE_KEY.as_bytes());
    encode(header, claims, &key).expect("HS256 is known once a key has been made")
}

/// Returns the claims of a token from order to inventory that was issued `age` seconds ago with a lifetime of `life`
/// seconds.
fn claims(age: i64, life: i64) -> Value {
    let iat = clock::now().timestamp() - age;
    json!({ "iss": "order", "aud": "inventory", "iat": iat, "exp": iat + life })
}

#[test]
fn a_token_lives_a_minute_at_most() {
    let inventory = key("inventory");
    let verified = |life| inventory.verify(&signed(&Header::new(Algorithm::HS256), &claims(0, life)));

    assert_eq!(verified(60).unwrap(), "order");
    for life in [61, 300, 3600, 86_400, -1, i64::MAX / 2] {
        assert!(verified(life).is_err(), "a token of {life} s is accepted");
    }
}

#[test]
fn a_token_of_the_far_future_is_refused() {
    let inventory = key("inventory");
    let verified = |age| inventory.verify(&signed(&Header::new(Algorithm::HS256), &claims(age, 60)));

    assert_eq!(verified(-3600).unwrap(), "order", "clocks may differ by an hour");
    assert!(verified(-86_400).is_err(), "a token of tomorrow is accepted until then");
}

#[test]
fn a_token_without_its_time_or_of_another_type_is_refused() {
    let inventory = key("inventory");
    let mut timeless = claims(0, 60);
    timeless.as_object_mut().unwrap().remove("iat");
    assert!(inventory.verify(&signed(&Header::new(Algorithm::HS256), &timeless)).is_err());

    let typed = |typ: Option<&str>| Header { typ: typ.map(str::to_owned), ..Header::new(Algorithm::HS256) };
    for typ in [None, Some("JWT")] {
        assert!(inventory.verify(&signed(&typed(typ), &claims(0, 60))).is_ok(), "{typ:?}");
    }
    for typ in ["at+jwt", "jwt+x", ""] {
        assert!(inventory.verify(&signed(&typed(Some(typ)), &claims(0, 60))).is_err(), "{typ:?} is accepted");
    }
}
