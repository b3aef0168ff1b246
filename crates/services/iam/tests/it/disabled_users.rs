//! Tests of `DisableUser` and `EnableUser`.

use std::time::Duration;

use contracts::proto::{
    auth::v1::{ListSessionsRequest, session_service_client::SessionServiceClient},
    user::v1::{DisableUserRequest, EnableUserRequest, GetUserRequest, user_service_client::UserServiceClient},
};
use platform::{grpc::reason, ids};
use sqlx::{Connection as _, PgConnection};
use testkit::with_session;
use tonic::{Code, Status};

use crate::{
    fixture::{Iam, PASSWORD, info},
    operators::operated,
};

const REASON: &str = "charged back three orders";
const OTHER: &str = "another good password";

async fn disable(iam: &Iam, session: &str, user: &str, reason: &str) -> Result<(), Status> {
    let message = DisableUserRequest { user_uuid: user.to_owned(), reason: reason.to_owned() };
    iam.user.clone().disable_user(with_session(session, message)).await.map(drop)
}

async fn enable(iam: &Iam, session: &str, user: &str) -> Result<(), Status> {
    let message = EnableUserRequest { user_uuid: user.to_owned() };
    iam.user.clone().enable_user(with_session(session, message)).await.map(drop)
}

#[tokio::test]
async fn a_disabled_user_has_no_session_and_cannot_log_in_until_it_is_enabled() {
    let (iam, operator, operators) = operated().await;
    let (known, user, session) = iam.registered_user().await;
    let second = iam.login(&known.login, PASSWORD).await.unwrap();
    let token = iam.token(&second).await;

    disable(&iam, &operators, &user, REASON).await.unwrap();

    for ended in [&session, &second] {
        assert_eq!(iam.whoami(ended).await.unwrap_err().code(), Code::Unauthenticated);
        assert_eq!(iam.change_password(ended, PASSWORD, OTHER).await.unwrap_err().message(), "invalid session");
    }
    assert_eq!(iam.whoami_by(&token).await.unwrap_err().code(), Code::Unauthenticated);
    let (right, wrong) = (iam.login(&known.login, PASSWORD).await, iam.login(&known.login, OTHER).await);
    let (right, wrong) = (right.unwrap_err(), wrong.unwrap_err());
    assert_eq!((right.code(), right.message()), (wrong.code(), wrong.message()));
    let mut service = UserServiceClient::new(testkit::peer("iam", iam.address));
    service.get_user(GetUserRequest { user_uuid: user.clone() }).await.unwrap();
    let database = iam::SERVICE.pool("test", 1, &iam.settings).unwrap();
    let stored =
        "select disabled_reason, disabled_by::text from users where uuid::text = $1 and disabled_at is not null";
    let stored: (String, String) = sqlx::query_as(stored).bind(&user).fetch_one(&database).await.unwrap();
    assert_eq!(stored, (REASON.to_owned(), operator));

    enable(&iam, &operators, &user).await.unwrap();

    iam.login(&known.login, PASSWORD).await.unwrap();
    assert_eq!(iam.whoami(&session).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_login_in_progress_while_its_user_is_disabled_leaves_no_session() {
    let (iam, _, operators) = operated().await;
    let known = info();
    let user = iam.register(&known, PASSWORD).await.unwrap();
    let url = iam.settings.get("IAM_DATABASE_URL").unwrap().to_owned();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let mut disabling = connection.begin().await.unwrap();
    let update =
        "update users set disabled_at = now(), disabled_reason = 'test', disabled_by = uuid where uuid::text = $1";
    sqlx::query(update).bind(&user).execute(&mut *disabling).await.unwrap();

    let (login, ()) = tokio::join!(iam.login(&known.login, PASSWORD), async {
        // The login has read the account and opened a session, and waits to record the device.
        let waits = "select exists (select from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock')";
        while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut *disabling).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        disabling.commit().await.unwrap();
    });

    assert_eq!(login.unwrap_err().message(), "wrong login or password");
    let list = ListSessionsRequest { user_uuid: user };
    let mut sessions = SessionServiceClient::new(iam.channel.clone());
    let left = sessions.list_sessions(with_session(&operators, list)).await.unwrap().into_inner().sessions;
    assert_eq!(left, []);
}

#[tokio::test]
async fn only_an_operator_disables_another_user_and_says_why() {
    let (iam, operator, operators) = operated().await;
    let (_, user, session) = iam.registered_user().await;
    let unknown = ids::random().to_string();

    for status in [disable(&iam, &session, &user, REASON).await, enable(&iam, &session, &user).await] {
        assert_eq!(status.unwrap_err().code(), Code::PermissionDenied);
    }
    for status in [disable(&iam, &operators, &operator, REASON).await, enable(&iam, &operators, &operator).await] {
        let status = status.unwrap_err();
        assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, Some("SELF_DEALING")));
    }
    for status in [disable(&iam, &operators, &unknown, REASON).await, enable(&iam, &operators, &unknown).await] {
        assert_eq!(status.unwrap_err().code(), Code::NotFound);
    }
    for wrong in ["", " ", "a\0b", "two\nlines", &"é".repeat(501)] {
        let status = disable(&iam, &operators, &user, wrong).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{wrong:?}");
        assert!(status.message().starts_with("reason: "), "{status}");
    }
    assert!(iam.whoami(&session).await.is_ok());
    disable(&iam, &operators, &user, &"é".repeat(500)).await.unwrap();
}
