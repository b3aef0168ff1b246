//! Tests of registration, login, logout and the visibility of users.

use contracts::proto::{
    common::v1::UserInfo,
    user::v1::{RegisterRequest, UserRegistrationInfo},
};
use platform::{ids, invalid::InvalidFields};
use tonic::Code;

use crate::fixture::{PASSWORD, contact, iam, info, settings, start};

#[tokio::test]
async fn a_registered_user_logs_in_and_a_session_identifies_them() {
    let iam = iam().await;
    let method = contact("telegram", "42");
    let info = UserInfo { login: "ann@example.com".to_owned(), notification_methods: vec![method], ..info() };

    let user = iam.register(&info, PASSWORD).await.unwrap();
    let session = iam.login(&info.login, PASSWORD).await.unwrap();
    let response = iam.whoami(&session).await.unwrap();

    let (known, described) = (response.user.unwrap(), response.session.unwrap());
    assert_eq!((&known.uuid, known.info.as_ref()), (&user, Some(&info)));
    assert_eq!(described.uuid, session);
    let (created, expires) = (described.created_at.unwrap(), described.expires_at.unwrap());
    assert_eq!(described.updated_at, Some(created));
    assert_eq!(expires.seconds - created.seconds, 24 * 60 * 60);
    assert_eq!(iam.get_user(Some(&session), &user).await.unwrap(), known);
}

#[tokio::test]
async fn a_session_lasts_as_long_as_its_variable_says() {
    let iam = start(&settings().await.with([("IAM_SESSION_TTL", "1h".to_owned())])).await;
    let (_, _, session) = iam.registered_user().await;

    let described = iam.whoami(&session).await.unwrap().session.unwrap();

    assert_eq!(described.expires_at.unwrap().seconds - described.created_at.unwrap().seconds, 60 * 60);
}

#[tokio::test]
async fn an_invalid_field_is_named() {
    let iam = iam().await;
    let login = |login: &str| UserInfo { login: login.to_owned(), ..info() };
    let email = |email: &str| UserInfo { email: email.to_owned(), ..info() };
    let methods = |methods| UserInfo { notification_methods: methods, ..info() };

    for (info, password, field) in [
        (login(""), PASSWORD, "login"),
        (login("a\0b"), PASSWORD, "login"),
        (email(""), PASSWORD, "email"),
        (email("nowhere"), PASSWORD, "email"),
        (info(), "", "password"),
        (info(), "short", "password"),
        (methods(vec![contact("", "42")]), PASSWORD, "notification_methods[0].provider_name"),
        (methods(vec![contact("push", "")]), PASSWORD, "notification_methods[0].target"),
        (methods(vec![contact("telegram", "@ann")]), PASSWORD, "notification_methods[0].target"),
    ] {
        let status = iam.register(&info, password).await.unwrap_err();

        assert_eq!(status.code(), Code::InvalidArgument, "{field}: {status}");
        assert!(status.message().starts_with(&format!("{field}: ")), "{status}");
    }
    let all = UserInfo { login: String::new(), email: "nowhere".to_owned(), ..info() };
    let invalid = InvalidFields::in_status(&iam.register(&all, "short").await.unwrap_err());
    let fields: Vec<_> = invalid.as_slice().iter().map(|invalid| &*invalid.field).collect();
    assert_eq!(fields, ["login", "email", "password"]);
    let nested = RegisterRequest { info: Some(UserRegistrationInfo { info: None, password: PASSWORD.to_owned() }) };
    for request in [RegisterRequest::default(), nested] {
        let status = iam.user.clone().register(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().starts_with("info"), "{status}");
    }
    for (login, password, field) in [("", PASSWORD, "login"), ("ann", "", "password")] {
        let status = iam.login(login, password).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().starts_with(&format!("{field}: ")), "{status}");
    }
    for malformed in ["", "not-a-uuid"] {
        for status in [
            iam.whoami(malformed).await.map(drop).unwrap_err(),
            iam.logout(malformed).await.unwrap_err(),
            iam.logout_all(malformed).await.unwrap_err(),
            iam.change_password(malformed, PASSWORD, PASSWORD).await.unwrap_err(),
        ] {
            assert_eq!(status.code(), Code::InvalidArgument, "{status}");
            assert!(status.message().starts_with("session_uuid: "), "{status}");
        }
    }
}

#[tokio::test]
async fn a_user_sees_only_themselves_and_a_refusal_says_what_is_wrong() {
    let iam = iam().await;
    let (_, ann, anns) = iam.registered_user().await;
    let (_, bob, _) = iam.registered_user().await;
    let unknown = ids::random().to_string();

    for (session, message) in [
        (None, "missing session-uuid in metadata"),
        (Some(""), "empty session-uuid"),
        (Some("not-a-uuid"), "invalid session"),
        (Some(unknown.as_str()), "invalid session"),
    ] {
        let status = iam.get_user(session, &ann).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, message));
    }
    assert_eq!(iam.get_user(Some(&anns), &ann).await.unwrap().uuid, ann);
    assert_eq!(iam.get_user(Some(&anns), &bob).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(iam.get_user(Some(&anns), &unknown).await.unwrap_err().code(), Code::NotFound);
    let malformed = iam.get_user(Some(&anns), "ann").await.unwrap_err();
    assert_eq!((malformed.code(), malformed.message()), (Code::InvalidArgument, "user_uuid: must be a uuid"));
}
