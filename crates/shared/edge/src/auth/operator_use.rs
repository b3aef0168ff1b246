//! The use of the role `operator`. A change is recorded once the handler names the object, or else when it ends; a read
//! at most once a minute, since an open page reads again every few seconds. An API that is open to everyone has callers
//! without a name.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{extract::FromRequestParts, http::request::Parts};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Caller, User};
use crate::{
    request_target,
    security_events::{self, Event},
};

tokio::task_local! {
    /// The use of the role by the request that is being handled.
    pub(super) static ROLE_USE: RoleUse;
}

pub(super) struct RoleUse {
    user: Uuid,
    path: String,
    is_recorded: AtomicBool,
}

impl RoleUse {
    pub(super) fn new(user: Uuid, path: String) -> Self {
        Self { user, path, is_recorded: AtomicBool::new(false) }
    }

    fn record(&self, of: Option<Uuid>, name: Option<&str>) {
        if !self.is_recorded.swap(true, Ordering::Relaxed) {
            security_events::record(Event::RoleUsed { user: self.user, path: &self.path, of, of_name: name });
        }
    }
}

impl Drop for RoleUse {
    fn drop(&mut self) {
        self.record(None, None);
    }
}

/// Records what the operator's request is about to change. Handlers of operators' methods call it before the change;
/// without a use of the role it does nothing.
pub fn role_used_on(object: Uuid) {
    let _ = ROLE_USE.try_with(|role| role.record(Some(object), None));
}

/// Like [`role_used_on`], for an object that has a name, such as a topic. It must not be the name of a person.
pub fn role_used_on_name(name: &str) {
    let _ = ROLE_USE.try_with(|role| role.record(None, Some(name)));
}

/// How long a recorded read is not recorded again.
const RECORD_INTERVAL: Duration = Duration::from_mins(1);
/// The maximum number of remembered reads. A read that is not remembered is recorded each time.
const MAX_REMEMBERED_READS: usize = 1_000;

static READS: LazyLock<OperatorReads> = LazyLock::new(OperatorReads::default);

/// An operator, a path and an object.
type Read = (Uuid, String, Option<Uuid>);

#[derive(Default)]
struct OperatorReads(Mutex<HashMap<Read, Instant>>);

/// Records that an operator uses the role to read `of` by the method with this path, at most once a minute.
pub(super) fn record_read(user: Uuid, path: &str, of: Option<Uuid>) {
    if READS.is_first(user, path, of) {
        security_events::record(Event::RoleUsed { user, path, of, of_name: None });
    }
}

impl OperatorReads {
    fn is_first(&self, user: Uuid, path: &str, of: Option<Uuid>) -> bool {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reads.retain(|_, recorded| recorded.elapsed() < RECORD_INTERVAL);
        let read = (user, path.to_owned(), of);
        let is_first = !reads.contains_key(&read);
        if is_first && reads.len() < MAX_REMEMBERED_READS {
            reads.insert(read, Instant::now());
        }
        is_first
    }
}

/// The caller that the guard identified; `None` if the API is open to everyone.
pub struct OpenCaller {
    known: Option<Caller>,
    path: String,
}

impl<S: Sync> FromRequestParts<S> for OpenCaller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let path = request_target::shown_path(&parts.extensions, &parts.uri).into_owned();
        Ok(Self { known: parts.extensions.get().cloned(), path })
    }
}

impl OpenCaller {
    pub fn known(&self) -> Option<&Caller> {
        self.known.as_ref()
    }

    pub fn user(&self) -> Option<&User> {
        match &self.known {
            Some(Caller::User(user)) => Some(user),
            _ => None,
        }
    }

    /// Returns true for operators, for services, and for every caller of an open API. Records an operator's use of the
    /// role to read.
    pub fn may_operate(&self) -> bool {
        if let Some(user) = self.user()
            && user.is_operator
        {
            record_read(user.uuid, &self.path, None);
        }
        self.known.as_ref().is_none_or(Caller::may_operate)
    }
}

#[cfg(test)]
mod tests {
    use base::memory_log::MemoryLog;
    use tracing::Level;

    use super::*;

    #[tokio::test]
    async fn a_use_of_the_role_is_recorded_once_with_the_object_that_the_handler_names() {
        let (log, _guard) = MemoryLog::capture(Level::INFO);
        let (user, object) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let role_use = |path: &str| RoleUse::new(user, path.to_owned());

        ROLE_USE.scope(role_use("/cancel"), async { role_used_on(object) }).await;
        ROLE_USE.scope(role_use("/replay"), async { role_used_on_name("a.topic") }).await;
        ROLE_USE.scope(role_use("/audit"), std::future::ready(())).await;
        role_used_on(object);

        let log = log.text();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("role_used")).collect();
        assert_eq!(lines.len(), 3, "{log}");
        assert!(lines[0].contains("/cancel") && lines[0].contains(&object.to_string()), "{log}");
        assert!(lines[1].contains("/replay") && lines[1].contains("a.topic"), "{log}");
        assert!(lines[2].contains("/audit") && !lines[2].contains("of_"), "{log}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_is_recorded_once_a_minute_for_each_user_path_and_object() {
        let (reads, user, object) = (OperatorReads::default(), Uuid::from_u128(1), Some(Uuid::from_u128(2)));
        let all = [(user, "/a", None), (user, "/b", None), (Uuid::nil(), "/a", None), (user, "/a", object)];
        for (user, path, of) in all {
            assert!(reads.is_first(user, path, of), "{user} {path} {of:?}");
        }

        assert!(!reads.is_first(user, "/a", None) && !reads.is_first(user, "/a", object));
        tokio::time::advance(RECORD_INTERVAL).await;
        assert!(reads.is_first(user, "/a", None) && reads.is_first(user, "/a", object));
    }
}
