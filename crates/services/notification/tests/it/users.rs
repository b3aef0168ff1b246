//! The contract of users, for iam and its in-memory twin.

use contracts::ids::UserId;
use notification::client::{GrpcUsers, MemoryUsers, Users};
use uuid::Uuid;

const WITH_CHAT: UserId = UserId::new(Uuid::from_u128(1));
const WITHOUT_CHAT: UserId = UserId::new(Uuid::from_u128(2));
const UNKNOWN: UserId = UserId::new(Uuid::from_u128(3));

#[tokio::test]
async fn memory_finds_chats() {
    let users = MemoryUsers::default();
    users.set_chat(WITH_CHAT, "42");

    finds_chats(&users).await;
    users.set_unavailable(true);
    assert!(users.chat(WITH_CHAT).await.is_err());
}

#[tokio::test]
async fn iam_finds_chats() {
    let iam = testkit::iam().await;
    iam.add_user(WITH_CHAT.uuid(), &[("email", "a@example.com"), ("telegram", "42"), ("telegram", "43")]);
    iam.add_user(WITHOUT_CHAT.uuid(), &[("email", "a@example.com"), ("telegram", "")]);
    let users = GrpcUsers::new(testkit::peer("iam", iam.address));

    finds_chats(&users).await;
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unavailable = GrpcUsers::new(testkit::peer("iam", nowhere));
    assert!(unavailable.chat(WITH_CHAT).await.is_err());
}

async fn finds_chats(users: &dyn Users) {
    assert_eq!(users.chat(WITH_CHAT).await.unwrap().as_deref(), Some("42"));
    assert_eq!(users.chat(WITHOUT_CHAT).await.unwrap(), None);
    assert_eq!(users.chat(UNKNOWN).await.unwrap(), None);
}
