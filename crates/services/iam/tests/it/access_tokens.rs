//! Tests of access tokens over the API: what they open, how long, and which are refused.

use std::time::Duration;

use contracts::proto::{
    auth::v1::{
        GetJwksRequest, IssueTokenRequest, IssueTokenResponse, Jwk, ListOwnersRequest, SessionState, WhoamiRequest,
        session_owner_service_client::SessionOwnerServiceClient,
    },
    user::v1::GetUserRequest,
};
use iam::{config::Config, tokens::SigningKey};
use platform::{auth::ServiceKey, config::Settings};
use redis::AsyncCommands as _;
use tonic::{Code, Request, Status};

use crate::{
    fixture::{Iam, iam, settings, start},
    session_attacks::{bytes, contents},
};

/// Two private keys, made by `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`, and one on another
/// curve.
const ONE: &str = include_str!("keys/one.pem");
const TWO: &str = include_str!("keys/two.pem");
const P384: &str = include_str!("keys/p384.pem");

async fn issued(iam: &Iam, session: &str) -> Result<IssueTokenResponse, Status> {
    let request = IssueTokenRequest { session_uuid: session.to_owned() };
    Ok(iam.auth.clone().issue_token(request).await?.into_inner())
}

/// Calls `GetUser` with the token in the metadata.
async fn get_user(iam: &Iam, token: &str, user: &str) -> Result<String, Status> {
    let mut request = Request::new(GetUserRequest { user_uuid: user.to_owned() });
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    Ok(iam.user.clone().get_user(request).await?.into_inner().user.unwrap().uuid)
}

async fn jwks(iam: &Iam) -> Vec<Jwk> {
    iam.auth.clone().get_jwks(GetJwksRequest {}).await.unwrap().into_inner().keys
}

fn kid(key: &str) -> String {
    SigningKey::parse("KEY", &key.into()).unwrap().public().kid.clone()
}

#[tokio::test]
async fn a_token_opens_what_its_session_opens_and_does_not_tell_the_session() {
    let iam = iam().await;
    let (info, user, session) = iam.registered_user().await;
    let (_, another, _) = iam.registered_user().await;

    let issued = issued(&iam, &session).await.unwrap();

    let whoami = iam.whoami_by(&issued.access_token).await.unwrap();
    let (shown, of) = (whoami.session.unwrap(), whoami.user.unwrap());
    assert_eq!((shown.uuid.as_str(), of.uuid.as_str()), ("", user.as_str()));
    assert_eq!(of.info.unwrap().login, info.login);
    assert_eq!(get_user(&iam, &issued.access_token, &user).await.unwrap(), user);
    let refused = get_user(&iam, &issued.access_token, &another).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "another user's");
    let left = issued.expires_at.unwrap().seconds - platform::clock::now().timestamp();
    assert!((290..=300).contains(&left), "{left} s");
    assert!(!issued.access_token.contains(&session) && issued.access_token.len() < 1_024);
}

#[tokio::test]
async fn a_token_is_issued_for_the_session_of_the_metadata_if_the_request_names_none() {
    let iam = iam().await;
    let (_, user, session) = iam.registered_user().await;
    let request = testkit::with_session(&session, IssueTokenRequest::default());

    let issued = iam.auth.clone().issue_token(request).await.unwrap().into_inner();

    assert_eq!(iam.whoami_by(&issued.access_token).await.unwrap().user.unwrap().uuid, user);
    for (session, code) in [("", Code::InvalidArgument), ("no uuid", Code::InvalidArgument)] {
        assert_eq!(self::issued(&iam, session).await.unwrap_err().code(), code, "{session:?}");
    }
    let unknown = platform::ids::random().to_string();
    assert_eq!(self::issued(&iam, &unknown).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_token_ends_within_its_lifetime() {
    let iam = start(&settings().await.with([("IAM_TOKEN_TTL", "1s".to_owned())])).await;
    let (_, user, session) = iam.registered_user().await;
    let token = iam.token(&session).await;
    assert_eq!(get_user(&iam, &token, &user).await.unwrap(), user);

    tokio::time::sleep(Duration::from_millis(1_100)).await;

    // The tolerance for clocks does not lengthen the token's lifetime.
    assert_eq!(get_user(&iam, &token, &user).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(iam.whoami(&session).await.is_ok());
}

#[tokio::test]
async fn a_session_has_eight_tokens_and_a_loop_of_issuing_does_not_fill_redis() {
    let settings = settings().await;
    let client = redis::Client::open(settings.get("REDIS_URL").unwrap()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let prefix = settings.get("IAM_REDIS_PREFIX").unwrap();
    let iam = start(&settings).await;
    let (_, user, session) = iam.registered_user().await;
    let mut tokens = Vec::new();
    let mut occupied = Vec::new();
    for _ in 0..100 {
        tokens.push(iam.token(&session).await);
        occupied.push(bytes(&mut redis, prefix).await);
    }

    let mut living = Vec::new();
    for token in &tokens {
        living.push(get_user(&iam, token, &user).await.is_ok());
    }

    assert_eq!(living, [vec![false; 92], vec![true; 8]].concat());
    println!("{} bytes with one token, {} with eight, {} after 100", occupied[0], occupied[7], occupied[99]);
    assert!(occupied[99] <= occupied[8] && occupied[99] < 5_000, "{occupied:?}");
    let keys: Vec<String> = redis.keys(format!("{prefix}session:token:*")).await.unwrap();
    assert_eq!(keys.len(), 8);
    let contents = contents(&mut redis, prefix).await;
    assert!(tokens.iter().all(|token| !contents.contains(token)), "a reader of Redis learns no token");
}

#[tokio::test]
async fn a_request_with_a_session_and_a_token_is_refused() {
    let iam = iam().await;
    let (_, user, session) = iam.registered_user().await;
    let token = iam.token(&session).await;

    let both = WhoamiRequest { session_uuid: session.clone(), access_token: token.clone() };
    let refused = iam.auth.clone().whoami(both).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "invalid session"));
    let mut request = testkit::with_session(&session, GetUserRequest { user_uuid: user });
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let refused = iam.user.clone().get_user(request).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "invalid session"));
    // A token is not accepted as a session, nor a session as a token.
    assert_eq!(iam.whoami(&token).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(iam.get_user(Some(&token), "").await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(iam.whoami_by(&session).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(get_user(&iam, &session, "").await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_forged_token_or_one_of_a_service_is_refused_everywhere() {
    let iam = iam().await;
    let (_, user, session) = iam.registered_user().await;
    let own = iam.token(&session).await;
    let parts: Vec<_> = own.split('.').collect();
    let service = ServiceKey::new("payment", &testkit::SERVICE_KEY.into()).unwrap();
    // `{"alg":"none"}` and `{"typ":"at+jwt","alg":"none"}`.
    let (none, typed_none) = ("eyJhbGciOiJub25lIn0", "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0");
    let mut owners = SessionOwnerServiceClient::new(testkit::peer_of("order", "iam", iam.address));
    for forged in [
        format!("{}.{}.{}", parts[0], parts[1], parts[1]),
        format!("{}.{}x.{}", parts[0], parts[1], parts[2]),
        format!("{none}.{}.", parts[1]),
        format!("{typed_none}.{}.", parts[1]),
        format!("{own}.{}", "x".repeat(2_048)),
        service.token("iam").unwrap().to_string(),
        "no token".to_owned(),
        String::new(),
    ] {
        let refused = get_user(&iam, &forged, &user).await.unwrap_err();
        assert!(matches!(refused.code(), Code::Unauthenticated | Code::PermissionDenied), "{forged}: {refused}");
        assert!(iam.whoami_by(&forged).await.is_err(), "{forged}");
        let request = ListOwnersRequest { sessions: vec![forged.clone(), own.clone()] };
        let found = owners.list_owners(request).await.unwrap().into_inner().owners;
        let states: Vec<_> = found.iter().map(contracts::proto::auth::v1::SessionOwner::state).collect();
        assert_eq!(states, [SessionState::Ended, SessionState::Open], "{forged}");
    }
}

#[tokio::test]
async fn no_token_is_refused_while_the_key_changes_and_those_of_the_old_key_afterwards() {
    let settings = settings().await;
    let with = async |key: &str, next: &str| {
        start(&settings.clone().with([("IAM_TOKEN_KEY", key.to_owned()), ("IAM_TOKEN_KEY_NEXT", next.to_owned())]))
            .await
    };
    let kids = async |iam: &Iam| jwks(iam).await.into_iter().map(|key| key.kid).collect::<Vec<_>>();
    let (before, first) = (with(ONE, "").await, with(ONE, TWO).await);
    let (second, after) = (with(TWO, ONE).await, with(TWO, "").await);
    let (_, user, session) = before.registered_user().await;

    assert_eq!(kids(&before).await, [kid(ONE)]);
    assert_eq!(kids(&first).await, [kid(ONE), kid(TWO)], "the next key is published before it signs");
    assert_eq!(kids(&second).await, [kid(TWO), kid(ONE)]);
    // While a key is replaced, replicas of two consecutive steps run at the same time.
    for (signs, accepts) in [(&before, &first), (&first, &before), (&first, &second), (&second, &first)] {
        let token = signs.token(&session).await;
        assert_eq!(get_user(accepts, &token, &user).await.unwrap(), user);
    }
    let (old, new) = (first.token(&session).await, second.token(&session).await);
    assert_eq!(get_user(&after, &new, &user).await.unwrap(), user);
    assert_eq!(get_user(&after, &old, &user).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn the_published_keys_are_those_of_the_tokens() {
    let iam = start(&settings().await.with([("IAM_TOKEN_KEY", ONE.to_owned())])).await;

    let keys = jwks(&iam).await;

    let Jwk { kty, crv, x, y, kid, alg, r#use } = keys[0].clone();
    assert_eq!((kty.as_str(), crv.as_str(), alg.as_str(), r#use.as_str()), ("EC", "P-256", "ES256", "sig"));
    // openssl pkey -in one.pem -pubout -outform DER | tail -c 64 | head -c 32 | basenc --base64url | tr -d =
    assert_eq!(
        (x.as_str(), y.as_str()),
        ("iiJT8yNSgGXn9KtMZyGUVoBnkr9PV3xGUVbozYNpc7I", "O4DuJTm0BirOlzFT2rEg71M6TEqaTowixxoe8nDTEBE")
    );
    // printf '{"crv":"P-256","kty":"EC","x":"…","y":"…"}' | openssl dgst -sha256 -binary | basenc --base64url | tr -d =
    assert_eq!(kid, "UeOI5jw5r44nUDhjBX26jhe5r-3Tgi08d2f6fgyN_D0");
    assert_eq!(keys.len(), 1);
}

#[tokio::test]
async fn production_needs_a_key_of_its_own() {
    let production = |settings: Settings| settings.with([("SHIPYARD_ENVIRONMENT", "production".to_owned())]);
    let published = include_str!("../../data/token_key.development.pem");
    let without_marker = published.lines().skip(1).collect::<Vec<_>>().join("\n");
    let settings = settings().await;
    let refused = |key: &str, next: &str| {
        let keys = [("IAM_TOKEN_KEY", key.to_owned()), ("IAM_TOKEN_KEY_NEXT", next.to_owned())];
        Config::load(&production(settings.clone().with(keys))).unwrap_err()
    };

    for (key, next, variable) in [
        ("", "", "IAM_TOKEN_KEY"),
        (without_marker.as_str(), "", "IAM_TOKEN_KEY"),
        (ONE, without_marker.as_str(), "IAM_TOKEN_KEY_NEXT"),
        (published, "", "SHIPYARD_ENVIRONMENT"),
        (P384, "", "IAM_TOKEN_KEY"),
        (ONE, "no key", "IAM_TOKEN_KEY_NEXT"),
    ] {
        let error = refused(key, next);
        assert_eq!(error.variable, variable, "{error}");
        assert!(!error.to_string().contains("MIG"), "{error}");
    }
    assert!(Config::load(&production(settings.clone().with([("IAM_TOKEN_KEY", ONE.to_owned())]))).is_ok());
    let one_process = production(settings.clone()).for_shared_process();
    assert!(Config::load(&one_process).is_ok(), "one process generates its key");
    let error = Config::load(&settings.with([("IAM_TOKEN_TTL", "900ms".to_owned())])).unwrap_err();
    assert_eq!(error.variable, "IAM_TOKEN_TTL");
}
