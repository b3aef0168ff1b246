//! Tests of a session store that is almost full.

use std::{sync::Arc, time::Duration};

use iam::{
    error::Error,
    model::{SessionId, User},
    repository::{MemoryLoginAttempts, MemorySessions},
    service::IamService,
};
use platform::{clock, random, redis::Memory};

use crate::{
    operators::{hashing, password},
    stores::{BOUNDS, LIMITS, RULES, attempt, tokens, user, users},
};

#[tokio::test]
async fn the_rest_of_a_full_store_is_for_accounts_that_are_older_than_a_day() {
    let (sessions, memory) = (Arc::new(MemorySessions::new(BOUNDS)), Memory::default());
    let attempts = Arc::new(MemoryLoginAttempts::new(LIMITS));
    let service = IamService::new(users().await, sessions, attempts, hashing(), RULES, tokens());
    let service = service.with_memory(memory.clone());
    let now = clock::now();
    let new = user("new", "new@example.com");
    let old = User { created_at: now - Duration::from_hours(25), ..user("old", "old@example.com") };
    for user in [&new, &old] {
        service.register(attempt("ann").address, user, password(), [1; 16]).await.unwrap();
    }
    let login = async |name: &str| {
        let id = SessionId::from_bits(random::secret());
        service.login(&attempt(name), password(), id, [2; 16], now).await.map(|()| id)
    };

    memory.set(0.79);
    login("new").await.unwrap();
    memory.set(0.81);
    let refused = login("new").await.unwrap_err();
    let mut opened = Vec::new();
    for _ in 0..6 {
        opened.push(login("old").await.unwrap());
    }

    assert!(matches!(refused, Error::NoRoom), "{refused}");
    let mut open = 0;
    for id in opened {
        open += u32::from(service.whoami(id.into()).await.is_ok());
    }
    assert_eq!(open, 4, "of six sessions that an account opened meanwhile");
    memory.set(0.0);
    login("new").await.unwrap();
}
