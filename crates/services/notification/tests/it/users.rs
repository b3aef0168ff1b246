//! What holds of users whoever is asked.

use notification::client::{GrpcUsers, MemoryUsers, Users};
use uuid::Uuid;

const WITH_CHAT: Uuid = Uuid::from_u128(1);
const WITHOUT_CHAT: Uuid = Uuid::from_u128(2);
const UNKNOWN: Uuid = Uuid::from_u128(3);

#[tokio::test]
async fn memory_knows_chats() {
    let users = MemoryUsers::default();
    users.set_chat(WITH_CHAT, "42");

    knows_chats(&users).await;
    users.set_away(true);
    assert!(users.chat(WITH_CHAT).await.is_err());
}

#[tokio::test]
async fn iam_knows_chats() {
    let iam = testkit::iam().await;
    iam.add_user(WITH_CHAT, &[("email", "a@example.com"), ("telegram", "42"), ("telegram", "43")]);
    iam.add_user(WITHOUT_CHAT, &[("email", "a@example.com"), ("telegram", "")]);
    let users = GrpcUsers::new(testkit::peer("iam", iam.address));

    knows_chats(&users).await;
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = GrpcUsers::new(testkit::peer("iam", nowhere));
    assert!(away.chat(WITH_CHAT).await.is_err());
}

async fn knows_chats(users: &dyn Users) {
    assert_eq!(users.chat(WITH_CHAT).await.unwrap().as_deref(), Some("42"));
    assert_eq!(users.chat(WITHOUT_CHAT).await.unwrap(), None);
    assert_eq!(users.chat(UNKNOWN).await.unwrap(), None);
}
