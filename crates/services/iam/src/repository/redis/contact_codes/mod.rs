//! The Redis implementation of [`ContactCodes`]. It has one key per code, named by the code's digest, one per user who
//! has a code, and a count per chat that sent wrong codes.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::UserId;
use platform::redis::{Connection, millis};
use redis::Script;
use uuid::Uuid;

use super::run;
use crate::{
    error::Error,
    model::{ChatId, CodeDigest},
    repository::{CodeLimit, ContactCodes, Taken},
};

pub struct RedisContactCodes {
    connection: Connection,
    prefix: String,
    limit: CodeLimit,
    create: Script,
    take: Script,
}

impl RedisContactCodes {
    /// Every Redis key begins with `prefix`.
    pub fn new(connection: Connection, prefix: String, limit: CodeLimit) -> Self {
        // The header `#!lua` without the flag `allow-oom` makes Redis refuse the script beyond its memory limit,
        // although it begins with a deletion.
        let create = Script::new(concat!("#!lua\n", include_str!("create.lua")));
        let take = Script::new(include_str!("take.lua"));
        Self { connection, prefix, limit, create, take }
    }

    /// Returns a code's key. It begins like the keys of sessions, so that the Redis user needs no further right. It
    /// cannot be the key of a session, because no digest has this form.
    fn code_key(&self, code: impl std::fmt::Display) -> String {
        format!("{}session:contact:code:{code}", self.prefix)
    }

    fn user_key(&self, user: impl std::fmt::Display) -> String {
        format!("{}session:contact:user:{user}", self.prefix)
    }
}

#[async_trait]
impl ContactCodes for RedisContactCodes {
    async fn create(&self, user: UserId, code: &CodeDigest, lifetime: Duration) -> Result<(), Error> {
        let mut call = self.create.prepare_invoke();
        call.key(self.user_key(user))
            .key(self.code_key(code))
            .arg(user.to_string())
            .arg(code.to_string())
            .arg(millis(lifetime))
            .arg(self.code_key(""));
        run(&self.connection, &call).await
    }

    /// If the script's response is lost, the retry finds no code, and the user needs a new one.
    async fn take(&self, code: &CodeDigest, chat: ChatId) -> Result<Taken, Error> {
        let mut call = self.take.prepare_invoke();
        call.key(format!("{}failures:contacts:{chat}", self.prefix))
            .key(self.code_key(code))
            .arg(self.limit.wrong)
            .arg(millis(self.limit.window))
            .arg(self.user_key(""));
        let user: Option<String> = run(&self.connection, &call).await?;
        Ok(match user.map(|user| Uuid::try_parse(&user)) {
            Some(Ok(user)) => Taken::Of(UserId::new(user)),
            Some(Err(_)) => Taken::Unknown,
            None => Taken::Limited,
        })
    }
}
