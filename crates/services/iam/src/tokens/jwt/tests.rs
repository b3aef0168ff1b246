//! Tests of the form of access tokens, and of each form that is refused.

use contracts::ids::UserId;
use ring::hmac;
use serde_json::{Value, json};

use super::*;

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
const ID: TokenId = TokenId::from_bits(7);

fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

fn token(login: &str) -> NewToken<'_> {
    let (user, expires_at) = (UserId::new(Uuid::from_u128(1)), NOW + Duration::from_mins(5));
    NewToken { id: ID, user, login, is_operator: true, issued_at: NOW, expires_at }
}

fn signed(key: &SigningKey) -> String {
    sign(key, &token("ann"), &["operator"]).unwrap()
}

fn forged(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", encode(header).unwrap(), encode(claims).unwrap());
    let signature = BASE64URL.encode(key.sign(message.as_bytes()).unwrap());
    format!("{message}.{signature}")
}

fn header(key: &SigningKey) -> Value {
    json!({ "typ": "at+jwt", "alg": "ES256", "kid": key.public().kid })
}

fn claims() -> Value {
    let (now, id) = (NOW.timestamp(), ID.uuid());
    json!({ "iss": "shipyard", "aud": "shop", "sub": id, "jti": id, "iat": now, "exp": now + 300 })
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

fn verified(key: &SigningKey, token: &str) -> Result<TokenId, TokenRefusal> {
    verify(&[key.public().clone()], token, NOW)
}

#[test]
fn a_token_has_the_claims_of_the_contract_and_no_others() {
    let key = key();
    let signed = signed(&key);
    let parts: Vec<_> = signed.split('.').collect();
    let read = |part: &str| serde_json::from_slice::<Value>(&BASE64URL.decode(part).unwrap()).unwrap();

    assert_eq!(read(parts[0]), header(&key));
    let expected = json!({
        "iss": "shipyard", "aud": "shop", "sub": Uuid::from_u128(1), "jti": ID.uuid(),
        "iat": 1_800_000_000, "exp": 1_800_000_300, "login": "ann", "roles": ["operator"],
    });
    assert_eq!(read(parts[1]), expected);
    assert_eq!(BASE64URL.decode(parts[2]).unwrap().len(), 64);
    assert_eq!(verified(&key, &signed), Ok(ID));
}

#[test]
fn a_token_of_the_longest_login_is_not_too_long() {
    let longest = "\"".repeat(254);

    let signed = sign(&key(), &token(&longest), &["operator"]).unwrap();

    assert!(signed.len() < MAX_TOKEN, "{} bytes", signed.len());
}

#[test]
fn a_header_with_another_member_or_value_is_refused() {
    let key = key();
    assert_eq!(verified(&key, &forged(&key, &header(&key), &claims())), Ok(ID));

    for (name, value) in [
        ("typ", json!("JWT")),
        ("alg", json!("HS256")),
        ("alg", json!("none")),
        ("alg", json!("ES384")),
        ("kid", json!("another")),
        ("kid", json!(7)),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jwk", json!({ "kty": "EC" })),
        ("jku", json!("https://example.com/jwks.json")),
        ("x5u", json!("https://example.com/certificate.pem")),
        ("x5c", json!([])),
        ("b64", json!(false)),
    ] {
        let forged = forged(&key, &with(header(&key), name, value.clone()), &claims());
        assert!(verified(&key, &forged).is_err(), "{name} {value}");
    }
    for name in ["typ", "alg", "kid"] {
        assert!(verified(&key, &forged(&key, &without(header(&key), name), &claims())).is_err(), "no {name}");
    }
}

#[test]
fn claims_of_another_issuer_or_audience_or_without_a_number_are_refused() {
    let key = key();
    for (name, value) in [
        ("iss", json!("another")),
        ("aud", json!("shipyard")),
        ("aud", json!(["shop", "another"])),
        ("sub", json!("ann")),
        ("jti", json!("seven")),
        ("iat", json!("now")),
        ("exp", json!(1e300)),
        ("exp", Value::Null),
    ] {
        let forged = forged(&key, &header(&key), &with(claims(), name, value.clone()));
        assert_eq!(verified(&key, &forged), Err(TokenRefusal::Kind), "{name} {value}");
    }
    for name in ["iss", "aud", "sub", "jti", "iat", "exp"] {
        let forged = forged(&key, &header(&key), &without(claims(), name));
        assert_eq!(verified(&key, &forged), Err(TokenRefusal::Kind), "no {name}");
    }
}

#[test]
fn a_token_is_valid_for_its_lifetime_and_30_seconds_more() {
    let key = key();
    let signed = signed(&key);
    let at = |seconds: i64| verify(&[key.public().clone()], &signed, NOW + chrono::TimeDelta::seconds(seconds));

    for valid in [-30, 0, 300, 330] {
        assert_eq!(at(valid), Ok(ID), "{valid}");
    }
    for invalid in [-31, 331, 1_000_000] {
        assert_eq!(at(invalid), Err(TokenRefusal::Lifetime), "{invalid}");
    }
}

#[test]
fn a_changed_token_is_refused_as_is_one_of_another_key() {
    let (key, other) = (key(), SigningKey::generate().unwrap());
    let signed = signed(&key);

    for place in 0..signed.len() {
        let mut changed = signed.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        assert!(verified(&key, &String::from_utf8(changed).unwrap()).is_err(), "{place}");
    }
    assert_eq!(verified(&other, &signed), Err(TokenRefusal::Signature));
    let own_name = forged(&other, &header(&key), &claims());
    assert_eq!(verified(&key, &own_name), Err(TokenRefusal::Signature), "signed by another, named by the kid of ours");
}

#[test]
fn an_hmac_with_the_public_key_is_no_signature() {
    let key = key();
    let public = key.public();
    let secrets =
        [public.x.as_bytes(), public.kid.as_bytes(), &BASE64URL.decode(&public.x).unwrap()].map(<[u8]>::to_vec);
    for (secret, alg) in secrets.iter().flat_map(|secret| [(secret, "HS256"), (secret, "ES256")]) {
        let header = with(header(&key), "alg", json!(alg));
        let message = format!("{}.{}", encode(&header).unwrap(), encode(&claims()).unwrap());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        let forged = format!("{message}.{}", BASE64URL.encode(tag));
        assert!(verified(&key, &forged).is_err(), "{alg}");
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let key = key();
    let signed = signed(&key);
    let unsigned = signed.rsplit_once('.').unwrap().0;
    let padded = format!("{signed}=");
    let more = format!("{signed}.e30");
    let long = format!("{unsigned}.{}", "A".repeat(MAX_TOKEN));
    for wrong in ["", ".", "..", "...", "e30.e30.", unsigned, &format!("{unsigned}."), &padded, &more, &long] {
        assert!(verified(&key, wrong).is_err(), "{wrong}");
    }
}
