//! Tests of `ContactService`: a user gets a code, and the notification service confirms the contact with it.

use contracts::proto::{
    common::v1::UserInfo,
    user::v1::{
        ChangeContactsRequest, ConfirmContactRequest, CreateContactCodeRequest,
        contact_service_client::ContactServiceClient,
    },
};
use platform::{
    grpc::{Peer, reason},
    ids,
    invalid::InvalidFields,
};
use tonic::{Code, Status, transport::Channel};

use crate::fixture::{Iam, PASSWORD, contact, iam, info};

const CHAT: i64 = 4_242_424_242;

/// Calls `CreateContactCode` with this session. Returns the code and its expiry time in Unix seconds.
async fn code(iam: &Iam, session: &str) -> Result<(String, i64), Status> {
    let request = testkit::with_session(session, CreateContactCodeRequest {});
    let mut client: ContactServiceClient<Channel> = ContactServiceClient::new(iam.channel.clone());
    let response = client.create_contact_code(request).await?.into_inner();
    assert!(!format!("{response:?}").contains(&response.code), "{response:?}");
    Ok((response.code, response.expires_at.unwrap().seconds))
}

/// Calls `ConfirmContact` with the identity of the notification service.
async fn confirm(iam: &Iam, code: &str, chat_id: i64) -> Result<(), Status> {
    let mut client: ContactServiceClient<Peer> =
        ContactServiceClient::new(testkit::peer_of("notification", "iam", iam.address));
    client.confirm_contact(ConfirmContactRequest { code: code.to_owned(), chat_id }).await.map(drop)
}

/// Registers a user with these Telegram targets. Returns the user's UUID and a session.
async fn user(iam: &Iam, targets: &[&str]) -> (String, String) {
    let notification_methods = targets.iter().map(|target| contact("telegram", target)).collect();
    let info = UserInfo { notification_methods, ..info() };
    let user = iam.register(&info, PASSWORD).await.unwrap();
    (user, iam.login(&info.login, PASSWORD).await.unwrap())
}

/// Returns the confirmed targets. Checks that the database and the session agree on them.
async fn confirmed(iam: &Iam, user: &str, session: &str) -> Vec<String> {
    let found = iam.get_user(Some(session), user).await.unwrap();
    let shown = iam.whoami(session).await.unwrap().user.unwrap();
    assert_eq!(found, shown);
    let methods = found.info.unwrap().notification_methods.into_iter();
    methods.filter(|method| method.is_confirmed).map(|method| method.target).collect()
}

#[tokio::test]
async fn a_code_confirms_the_contact_of_its_user_once() {
    let iam = iam().await;
    let (ann, session) = user(&iam, &[&CHAT.to_string(), "7"]).await;
    assert!(confirmed(&iam, &ann, &session).await.is_empty());

    let (first, expires) = code(&iam, &session).await.unwrap();
    let left = expires - platform::clock::now().timestamp();
    assert!((595..=600).contains(&left), "{left} s");
    let (second, _) = code(&iam, &session).await.unwrap();
    assert_eq!(confirm(&iam, &first, CHAT).await.unwrap_err().code(), Code::NotFound, "it was replaced");
    confirm(&iam, &second.to_lowercase(), CHAT).await.unwrap();

    assert_eq!(confirmed(&iam, &ann, &session).await, [CHAT.to_string()]);
    let again = confirm(&iam, &second, CHAT).await.unwrap_err();
    assert_eq!((again.code(), again.message()), (Code::NotFound, "the code is wrong, has expired or was used"));
    // A second confirmation of the same chat succeeds, and a confirmation of another chat replaces it.
    let (third, _) = code(&iam, &session).await.unwrap();
    confirm(&iam, &third, CHAT).await.unwrap();
    let (fourth, _) = code(&iam, &session).await.unwrap();
    confirm(&iam, &fourth, 7).await.unwrap();
    assert_eq!(confirmed(&iam, &ann, &session).await, ["7"]);
}

#[tokio::test]
async fn a_strangers_chat_cannot_be_confirmed() {
    let iam = iam().await;
    let (ann, session) = user(&iam, &["4711"]).await;

    // Ann registered the Telegram chat 4711, which belongs to another person, and sends the code from her own chat.
    let (given, _) = code(&iam, &session).await.unwrap();
    let other = confirm(&iam, &given, CHAT).await.unwrap_err();
    let used = confirm(&iam, &given, 4711).await.unwrap_err();

    assert_eq!(other.code(), Code::FailedPrecondition, "{other}");
    assert_eq!(used.code(), Code::NotFound, "{used}");
    assert!(confirmed(&iam, &ann, &session).await.is_empty());
}

#[tokio::test]
async fn a_registration_cannot_say_that_a_contact_is_confirmed() {
    let iam = iam().await;
    let mut method = contact("telegram", "42");
    method.is_confirmed = true;
    let info = UserInfo { notification_methods: vec![method], ..info() };
    let ann = iam.register(&info, PASSWORD).await.unwrap();
    let session = iam.login(&info.login, PASSWORD).await.unwrap();

    assert!(confirmed(&iam, &ann, &session).await.is_empty());
}

#[tokio::test]
async fn a_code_needs_a_telegram_contact() {
    let iam = iam().await;
    let (_, _, without) = iam.registered_user().await;

    let no_contact = code(&iam, &without).await.unwrap_err();
    assert_eq!(
        (no_contact.code(), no_contact.message()),
        (Code::FailedPrecondition, "the user has no Telegram contact")
    );
}

#[tokio::test]
async fn after_ten_wrong_codes_a_chat_is_refused() {
    let iam = iam().await;
    let (ann, session) = user(&iam, &["42", "43"]).await;
    let (given, _) = code(&iam, &session).await.unwrap();
    let wrong = |number: u128| iam::model::ContactCode::from_bits(number).to_string();

    for (code, chat, field) in
        [("", 42, "code"), (&given[1..], 42, "code"), (&given, 0, "chat_id"), (&given, -42, "chat_id")]
    {
        let malformed = confirm(&iam, code, chat).await.unwrap_err();
        assert_eq!(malformed.code(), Code::InvalidArgument, "{malformed}");
        assert!(malformed.message().starts_with(&format!("{field}: ")), "{malformed}");
    }
    for number in 0..10 {
        assert_eq!(confirm(&iam, &wrong(number), 42).await.unwrap_err().code(), Code::NotFound, "{number}");
    }
    let limited = confirm(&iam, &given, 42).await.unwrap_err();

    assert_eq!((limited.code(), limited.message()), (Code::ResourceExhausted, "too many wrong codes from this chat"));
    assert_eq!(reason(&limited), Some("TOO_MANY_CODES"));
    assert!(confirmed(&iam, &ann, &session).await.is_empty());
    confirm(&iam, &given, 43).await.unwrap();
}

#[tokio::test]
async fn a_user_changes_the_contacts_with_the_password_alone() {
    let iam = iam().await;
    let (ann, session) = user(&iam, &[&CHAT.to_string()]).await;
    let (code, _) = code(&iam, &session).await.unwrap();
    confirm(&iam, &code, CHAT).await.unwrap();
    let other = info();
    iam.register(&other, PASSWORD).await.unwrap();
    let change = async |password: &str, email: &str, target: &str| {
        let request = ChangeContactsRequest {
            session_uuid: session.clone(),
            password: password.to_owned(),
            email: email.to_owned(),
            notification_methods: vec![contact("telegram", &CHAT.to_string()), contact("telegram", target)],
        };
        iam.user.clone().change_contacts(request).await.map(drop)
    };

    let wrong = change("WrongPassword123!", "new@example.com", "7").await.unwrap_err();
    let taken = change(PASSWORD, &other.email.to_uppercase(), "7").await.unwrap_err();
    let invalid = change(PASSWORD, "new", "seven").await.unwrap_err();
    let dead = ChangeContactsRequest { session_uuid: ids::random().to_string(), ..ChangeContactsRequest::default() };
    let dead = iam.user.clone().change_contacts(dead).await.unwrap_err();
    assert_eq!(confirmed(&iam, &ann, &session).await, [CHAT.to_string()], "nothing has changed");
    let email = format!("{}@new.example", ids::random());
    change(PASSWORD, &email, "7").await.unwrap();

    assert_eq!((wrong.code(), wrong.message()), (Code::Unauthenticated, "wrong login or password"));
    assert_eq!((taken.code(), taken.message()), (Code::AlreadyExists, "the e-mail address is taken"));
    let fields = InvalidFields::in_status(&invalid);
    let fields: Vec<_> = fields.as_slice().iter().map(|invalid| &*invalid.field).collect();
    assert_eq!(fields, ["email", "notification_methods[1].target"]);
    assert_eq!(dead.code(), Code::InvalidArgument, "the password comes first");
    let shown = iam.get_user(Some(&session), &ann).await.unwrap().info.unwrap();
    assert_eq!((shown.email, shown.notification_methods.len()), (email, 2));
    assert_eq!(confirmed(&iam, &ann, &session).await, [CHAT.to_string()], "it is the confirmed chat still");
}
