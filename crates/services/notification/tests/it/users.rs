//! The clients of iam.

use contracts::ids::UserId;
use notification::client::{Confirmation, Contact, Contacts as _, GrpcIam, Users as _};
use uuid::Uuid;

const WITH_CHAT: UserId = UserId::new(Uuid::from_u128(1));
const WITHOUT_CHAT: UserId = UserId::new(Uuid::from_u128(2));
const UNKNOWN: UserId = UserId::new(Uuid::from_u128(3));

#[tokio::test]
async fn iam_finds_chats() {
    let iam = testkit::iam().await;
    iam.add_user(WITH_CHAT.uuid(), &[("email", "a@example.com"), ("telegram", "42"), ("telegram", "43")]);
    iam.add_user(WITHOUT_CHAT.uuid(), &[("email", "a@example.com"), ("telegram", "")]);
    let users = GrpcIam::new(testkit::peer("iam", iam.address));

    assert_eq!(users.contact(WITH_CHAT).await.unwrap(), Some(contact("42", false)));
    assert_eq!(users.contact(WITHOUT_CHAT).await.unwrap(), None);
    assert_eq!(users.contact(UNKNOWN).await.unwrap(), None);
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unavailable = GrpcIam::new(testkit::peer("iam", nowhere));
    assert!(unavailable.contact(WITH_CHAT).await.is_err());
}

fn contact(chat: &str, is_confirmed: bool) -> Contact {
    Contact { chat: chat.to_owned(), is_confirmed }
}

#[tokio::test]
async fn iam_confirms_contacts() {
    let iam = testkit::iam().await;
    iam.add_user(WITH_CHAT.uuid(), &[("telegram", "42"), ("telegram", "43")]);
    iam.add_code("CODE", WITH_CHAT.uuid());
    iam.add_code("OTHER", WITH_CHAT.uuid());
    let peer = testkit::peer_of("notification", "iam", iam.address);
    let contacts = GrpcIam::new(peer);

    assert_eq!(contacts.confirm("NONE", 43).await.unwrap(), Confirmation::WrongCode);
    assert_eq!(contacts.confirm("OTHER", 7).await.unwrap(), Confirmation::OtherChat);
    assert_eq!(contacts.confirm("CODE", 43).await.unwrap(), Confirmation::Confirmed);
    assert_eq!(contacts.confirm("CODE", 43).await.unwrap(), Confirmation::WrongCode, "it works once");
    assert_eq!(contacts.confirm("CODE", testkit::LIMITED_CHAT).await.unwrap(), Confirmation::TooMany);
    assert!(contacts.confirm("CODE", testkit::BUSY_CHAT).await.is_err(), "an iam that is busy has counted no code");
    assert_eq!(contacts.contact(WITH_CHAT).await.unwrap(), Some(contact("43", true)), "the confirmed one of two");
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unavailable = GrpcIam::new(testkit::peer("iam", nowhere));
    assert!(unavailable.confirm("CODE", 43).await.is_err());
}
