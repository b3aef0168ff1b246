//! Tests of credentials in headers, and of service tokens.

use super::*;

#[test]
fn the_scheme_of_a_token_is_read_in_any_case() {
    for credentials in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "bEaReR  a.b.c"] {
        assert_eq!(token_of(credentials), Some("a.b.c"), "{credentials}");
    }
    for credentials in ["Basic a.b.c", "Bearera.b.c", "Bearer", "a.b.c", " Bearer a.b.c", "Bearer\ta.b.c", ""] {
        assert_eq!(token_of(credentials), None, "{credentials}");
    }
}

#[test]
fn all_spellings_of_a_session_are_one() {
    let canonical = "0199a8f0-0b6c-7c44-9d5a-2f8e6d1c3b7a";
    let upper = canonical.to_uppercase();
    let (simple, braced, urn) =
        (canonical.replace('-', ""), format!("{{{canonical}}}"), format!("urn:uuid:{canonical}"));
    for spelling in [canonical, &upper, &simple, &braced, &urn] {
        let headers = [(SESSION_HEADER.parse().unwrap(), spelling.parse().unwrap())].into_iter().collect();
        assert_eq!(session(&headers, SESSION_HEADER).unwrap(), canonical, "{spelling}");
    }
}

/// Tokens with these headers, encoded by `printf HEADER | basenc --base64url | tr -d =`.
#[test]
fn type_and_algorithm_together_tell_the_kind() {
    for (header, encoded, expected) in [
        (r#"{"alg":"HS256"}"#, "eyJhbGciOiJIUzI1NiJ9", Some(TokenKind::Service)),
        (r#"{"typ":"JWT","alg":"HS256"}"#, "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9", Some(TokenKind::Service)),
        (r#"{"typ":"at+jwt","alg":"ES256"}"#, "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9", Some(TokenKind::User)),
        (r#"{"typ":"at+jwt","alg":"HS256"}"#, "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9", None),
        (r#"{"typ":"JWT","alg":"ES256"}"#, "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9", None),
        (r#"{"alg":"ES256"}"#, "eyJhbGciOiJFUzI1NiJ9", None),
        (r#"{"alg":"none"}"#, "eyJhbGciOiJub25lIn0", None),
        (r#"{"typ":"at+jwt","alg":"none"}"#, "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0", None),
        (r#"{"typ":"JWT","alg":"RS256"}"#, "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9", None),
    ] {
        assert_eq!(TokenKind::from_token(&format!("{encoded}.e30.c2ln")).ok(), expected, "{header}");
    }
}

#[test]
fn what_is_no_jwt_or_too_long_has_no_kind() {
    let header = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9";
    let of_length = |length: usize| format!("{header}.{}.c2ln", "e".repeat(length - header.len() - 6));

    assert_eq!(TokenKind::from_token(&of_length(MAX_TOKEN)), Ok(TokenKind::User));
    for wrong in ["", ".", "..", "no token", header, "!.e30.c2ln", "e30.e30.c2ln", &of_length(MAX_TOKEN + 1)] {
        assert_eq!(TokenKind::from_token(wrong), Err(TokenRefusal::Kind), "{wrong}");
    }
}

fn key(service: &'static str, secret: &str) -> ServiceKey {
    ServiceKey::new(service, &secret.repeat(32).into()).unwrap()
}

#[test]
fn a_token_names_its_issuer_to_its_audience_alone() {
    let token = key("caller", "k").token("receiver").unwrap();

    assert_eq!(key("receiver", "k").verify(&token).unwrap(), "caller");
    assert_eq!(key("another", "k").verify(&token).unwrap_err().0, TokenRefusal::Kind);
    assert_eq!(key("receiver", "other").verify(&token).unwrap_err().0, TokenRefusal::Signature);
    assert_eq!(key("receiver", "k").verify("no token").unwrap_err().0, TokenRefusal::Kind);
}

#[test]
fn a_token_is_good_for_its_life_and_what_clocks_may_differ() {
    let token = key("caller", "k").token("receiver").unwrap();
    let after = |minutes| key("receiver", "k").verify_at(&token, clock::now() + Duration::from_mins(minutes));

    assert_eq!(after(65).unwrap(), "caller");
    assert_eq!(after(67).unwrap_err().0, TokenRefusal::Lifetime);
}

#[test]
fn a_token_is_issued_anew_after_the_host_slept_or_its_clock_was_set() {
    let (caller, receiver, now) = (key("caller", "k"), key("receiver", "k"), clock::now());
    let token = |now| caller.token_at("receiver", now).unwrap();
    let first = token(now);
    assert_eq!(token(now + Duration::from_secs(29)), first, "it is cached");

    for then in [now + Duration::from_hours(2), now - Duration::from_hours(2)] {
        assert_eq!(receiver.verify_at(&token(then), then).unwrap(), "caller", "at {then}");
    }
}

#[test]
fn while_the_key_changes_tokens_of_both_are_accepted_and_those_of_no_third() {
    let token = |secret| key("caller", secret).token("receiver").unwrap();
    let changing = key("receiver", "n").accepting(Some(&"o".repeat(32).into())).unwrap();

    assert_eq!(changing.verify(&token("n")).unwrap(), "caller");
    assert_eq!(changing.verify(&token("o")).unwrap(), "caller");
    assert!(changing.verify(&token("x")).is_err());
    // The service signs only with the new key.
    let own = changing.token("caller").unwrap();
    assert!(key("caller", "n").verify(&own).is_ok() && key("caller", "o").verify(&own).is_err());
}

#[test]
fn a_short_key_is_refused() {
    let error = ServiceKey::new("caller", &"short".into()).err().unwrap();
    let previous = key("caller", "k").accepting(Some(&"short".into())).err().unwrap();

    assert_eq!([error.variable, previous.variable], ["SERVICE_KEY", "SERVICE_KEY_PREVIOUS"]);
}
