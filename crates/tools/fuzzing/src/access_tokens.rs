//! Arbitrary bytes as an access token are refused, and so is a valid one with one changed bit. A token that one of the
//! keys signed is accepted only with the header and claims of an access token.

use std::{sync::LazyLock, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use contracts::ids::UserId;
use iam::{
    model::TokenId,
    tokens::{AccessTokens, NewToken, SigningKey},
};
use platform::clock;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::input::Input;

static KEYS: LazyLock<Keys> = LazyLock::new(Keys::new);

struct Keys {
    tokens: AccessTokens,
    /// The key that is accepted but does not sign.
    next: SigningKey,
    valid: String,
}

impl Keys {
    fn new() -> Self {
        let key = || SigningKey::generate().expect("the system has randomness");
        let next = key();
        let tokens = AccessTokens::new(key(), Some(&next), Duration::from_mins(5));
        let now = clock::now();
        let token = NewToken {
            id: TokenId::from_bits(7),
            user: UserId::new(Uuid::from_u128(1)),
            login: "ann",
            is_operator: true,
            issued_at: now,
            expires_at: now + Duration::from_hours(24),
        };
        let valid = tokens.sign(&token).expect("the system has randomness");
        Self { tokens, next, valid }
    }

    fn accepts(&self, token: &str) -> bool {
        self.tokens.verify(token, clock::now()).is_ok()
    }
}

pub fn access_tokens(data: &[u8]) {
    let (keys, mut input) = (&*KEYS, Input::new(data));
    match input.below(3) {
        0 => {
            let text = String::from_utf8_lossy(input.rest());
            assert_eq!(keys.accepts(&text), text == keys.valid, "{text:?}");
        }
        1 => {
            let mut token = keys.valid.clone().into_bytes();
            let (place, bit) = (input.below(token.len()), input.byte() % 8);
            token[place] ^= 1 << bit;
            let token = String::from_utf8_lossy(&token);
            assert!(!keys.accepts(&token), "{token:?}");
        }
        _ => signed(keys, &mut input),
    }
}

/// Signs a header and claims that differ from valid ones.
fn signed(keys: &Keys, input: &mut Input<'_>) {
    let own = json!({ "typ": "at+jwt", "alg": "ES256", "kid": keys.next.public().kid });
    let claims = keys.valid.split('.').nth(1).and_then(|claims| BASE64URL.decode(claims).ok());
    let (mut header, mut claims) = (own.to_string().into_bytes(), claims.expect("a token has claims"));
    if input.once_in(2) {
        input.mutate(&mut header);
    }
    if input.once_in(2) {
        input.mutate(&mut claims);
    }
    let message = format!("{}.{}", BASE64URL.encode(&header), BASE64URL.encode(&claims));
    let signature = keys.next.sign(message.as_bytes()).expect("the system has randomness");
    let token = format!("{message}.{}", BASE64URL.encode(signature));
    if !keys.accepts(&token) {
        return;
    }
    let read = |part: &[u8]| serde_json::from_slice::<Value>(part).expect("an accepted token is JSON");
    assert_eq!(read(&header), own);
    let claims = read(&claims);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("shipyard"), &json!("shop")), "{claims}");
    let id = claims["jti"].as_str().and_then(|id| Uuid::try_parse(id).ok());
    assert!(id.is_some() && claims["exp"].is_i64() && claims["iat"].is_i64(), "{claims}");
}
