//! Tests of the data that Redis has of an account: little, no contact data, and nothing that breaks the look-up of
//! other accounts.

use contracts::proto::{
    auth::v1::{
        ListOwnersRequest, SessionOwner, SessionState, session_owner_service_client::SessionOwnerServiceClient,
    },
    common::v1::UserInfo,
};
use platform::config::Settings;
use redis::{AsyncCommands as _, aio::MultiplexedConnection};
use tonic::Code;

use crate::{
    fixture::{Iam, PASSWORD, contact, iam, info, settings, start},
    session_attacks::contents,
};

/// Starts a service. Returns it, its settings, a connection to its Redis with all rights, and the prefix of its keys.
async fn service() -> (Iam, Settings, MultiplexedConnection, String) {
    let settings = settings().await;
    let client = redis::Client::open(settings.get("REDIS_URL").unwrap()).unwrap();
    let redis = client.get_multiplexed_async_connection().await.unwrap();
    let prefix = settings.get("IAM_REDIS_PREFIX").unwrap().to_owned();
    (start(&settings).await, settings, redis, prefix)
}

/// Returns a new user's data with as much text as is accepted: 2 KiB.
fn largest() -> UserInfo {
    let info = info();
    let left = 2_048 - info.login.len() - info.email.len();
    let target = "x".repeat((left - 4 * 4) / 4);
    UserInfo { notification_methods: vec![contact("push", &target); 4], ..info }
}

#[tokio::test]
async fn a_reader_of_redis_learns_no_login_and_no_contact() {
    let (iam, _, mut redis, prefix) = service().await;
    let info = UserInfo { notification_methods: vec![contact("telegram", "774242")], ..info() };
    iam.register(&info, PASSWORD).await.unwrap();
    let session = iam.login(&info.login, PASSWORD).await.unwrap();
    iam.whoami(&session).await.unwrap();
    iam.login(&info.login, "a wrong password").await.unwrap_err();

    let contents = contents(&mut redis, &prefix).await;

    for text in [&info.login, &info.email, "774242"] {
        assert!(!contents.contains(text), "{text} stands in Redis:\n{contents}");
    }
}

#[tokio::test]
async fn failed_attempts_are_remembered_for_a_month_only_from_the_fifth_in_a_row() {
    let (iam, _, mut redis, prefix) = service().await;
    let (info, _, _) = iam.registered_user().await;
    let (window, month) = (15 * 60 * 1_000, 30 * 24 * 60 * 60 * 1_000);

    for number in 1..=6 {
        iam.login(&info.login, "a wrong password").await.unwrap_err();
        let keys: Vec<String> = redis.keys(format!("{prefix}failures:device:*")).await.unwrap();
        let left: i64 = redis.pttl(&keys[0]).await.unwrap();
        let lifetime = if number < 5 { window } else { month };
        assert!((lifetime - window / 2..=lifetime).contains(&left), "{number}: {left} ms");
    }
}

#[tokio::test]
async fn registration_data_are_bounded_and_the_error_names_the_field() {
    let iam = iam().await;
    let mut large = largest();
    large.notification_methods[0].target.push('x');
    large.notification_methods[0].provider_name.push_str("abcd");

    let refused = iam.register(&large, PASSWORD).await.unwrap_err();
    let message = "notification_methods: take more than 2048 bytes together with login and email";
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, message));
    iam.register(&largest(), PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_record_that_cannot_be_read_fails_its_own_session_alone() {
    let (iam, settings, mut redis, prefix) = service().await;
    let (info, user, whole) = iam.registered_user().await;
    let (_, _, other) = iam.registered_user().await;
    let broken = iam.login(&info.login, PASSWORD).await.unwrap();
    let id: uuid::Uuid = broken.parse().unwrap();
    let key = format!("{prefix}session:{}", iam::model::SessionId::from(id).digest());

    for value in ["no JSON", "null", "[]", "{}", r#"{"user":7,"used":0}"#, r#"{"user":"ann"}"#, ""] {
        let _: () = redis.set(&key, value).await.unwrap();
        // One replica knows the sessions, the other has never seen them.
        for replica in [&iam, &start(&settings).await] {
            let mut client = SessionOwnerServiceClient::new(testkit::peer_of("order", "iam", replica.address));
            let sessions = vec![whole.clone(), broken.clone(), other.clone()];
            let owners = client.list_owners(ListOwnersRequest { sessions }).await;
            let owners = owners.unwrap_or_else(|status| panic!("{value:?}: {status}")).into_inner().owners;
            let states: Vec<_> = owners.iter().map(SessionOwner::state).collect();
            assert_eq!(states, [SessionState::Open, SessionState::Ended, SessionState::Open], "{value:?}");
        }
        iam.logout(&broken).await.unwrap();
    }
    // If the record of a user cannot be read, the service reads the user from the database.
    let _: () = redis.set(format!("{prefix}session:user:{user}"), "no JSON").await.unwrap();
    assert_eq!(iam.whoami(&whole).await.unwrap().user.unwrap().uuid, user);
    iam.whoami(&other).await.unwrap();
}
