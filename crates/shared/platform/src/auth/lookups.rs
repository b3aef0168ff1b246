//! Session look-ups that concurrent requests share.
//!
//! An application, or an attacker, may have many requests of one session in flight. If each of them made its own look-up, the look-ups of
//! other sessions would wait behind them. So each session has at most one look-up in flight, and requests that arrive meanwhile share the
//! next one. A look-up always starts after the requests that it answers have arrived, so a request never sees a session that ended before
//! the request.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures::FutureExt as _;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use super::{SessionError, Sessions, User};

/// The maximum number of requests that wait for the next look-up of one session. It is a quarter of the default number of requests in
/// flight, as for one user: requests wait here before the user is known, and each of them occupies a slot.
const WAITING: usize = 128;

type Caller = oneshot::Sender<Result<User, SessionError>>;

/// Has at most one look-up of each session in flight; clones share the look-ups.
#[derive(Clone)]
pub(super) struct SharedLookups {
    sessions: Arc<dyn Sessions>,
    /// The sessions with a look-up in flight, each with the requests that wait for its next look-up. The requests in flight bound the size.
    waiting: Arc<Mutex<HashMap<String, Vec<Caller>>>>,
}

impl SharedLookups {
    pub fn new(sessions: Arc<dyn Sessions>) -> Self {
        Self { sessions, waiting: Arc::default() }
    }

    /// Looks up `session` for `callers`, and again for the requests that arrived meanwhile, until no request waits.
    async fn look_up(self, session: String, mut callers: Vec<Caller>) {
        while !callers.is_empty() {
            // A panic fails the requests of this look-up. Those that wait for the next one go on.
            if let Ok(found) = AssertUnwindSafe(self.sessions.owner(&session)).catch_unwind().await {
                for caller in callers {
                    let _ = caller.send(found);
                }
            }
            let mut waiting = self.lock();
            callers = waiting.get_mut(&session).map(std::mem::take).unwrap_or_default();
            callers.retain(|caller| !caller.is_closed());
            if callers.is_empty() {
                waiting.remove(&session);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Caller>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sessions for SharedLookups {
    async fn owner(&self, session: &str) -> Result<User, SessionError> {
        let (caller, answer) = oneshot::channel();
        let first = {
            let mut waiting = self.lock();
            if let Some(next) = waiting.get_mut(session) {
                if next.len() >= WAITING {
                    metrics::counter!("requests_of_one_user_shed_total").increment(1);
                    return Err(SessionError::TooMany);
                }
                next.push(caller);
                None
            } else {
                waiting.insert(session.to_owned(), Vec::new());
                Some(caller)
            }
        };
        if let Some(first) = first {
            // In a separate task, so that a cancelled request does not cancel the look-up of others.
            tokio::spawn(self.clone().look_up(session.to_owned(), vec![first]).in_current_span());
        }
        answer.await.unwrap_or_else(|_| resume_unwind(Box::new("the look-up of the session panicked")))
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, future::join_all, stream::FuturesUnordered};
    use tokio::{
        sync::{mpsc, watch},
        task::yield_now,
    };
    use uuid::Uuid;

    use super::*;

    const USER: User = User::plain(Uuid::from_u128(1));

    /// Sessions whose look-ups end when they are released. A look-up sees what was valid when it began.
    struct Held {
        is_valid: watch::Sender<bool>,
        begun: mpsc::UnboundedSender<oneshot::Sender<()>>,
    }

    #[async_trait]
    impl Sessions for Held {
        async fn owner(&self, _: &str) -> Result<User, SessionError> {
            let is_valid = *self.is_valid.borrow();
            let (release, released) = oneshot::channel();
            self.begun.send(release).unwrap();
            released.await.unwrap();
            if is_valid { Ok(USER) } else { Err(SessionError::Invalid) }
        }
    }

    fn held() -> (SharedLookups, Arc<Held>, mpsc::UnboundedReceiver<oneshot::Sender<()>>) {
        let (begun, lookups) = mpsc::unbounded_channel();
        let sessions = Arc::new(Held { is_valid: watch::Sender::new(true), begun });
        (SharedLookups::new(sessions.clone()), sessions, lookups)
    }

    #[tokio::test]
    async fn requests_that_arrive_during_a_lookup_share_the_next_one() {
        let (shared, _sessions, mut lookups) = held();
        let requests = join_all((0..20).map(|_| shared.owner("session")));
        let release = async {
            let first = lookups.recv().await.unwrap();
            for _ in 0..20 {
                yield_now().await;
            }
            assert!(lookups.try_recv().is_err(), "a second look-up of the session at a time");
            first.send(()).unwrap();
            lookups.recv().await.unwrap().send(()).unwrap();
        };

        let (found, ()) = tokio::join!(requests, release);

        assert_eq!(found, [Ok(USER); 20]);
        yield_now().await;
        assert!(lookups.try_recv().is_err() && shared.lock().is_empty());
    }

    #[tokio::test]
    async fn a_session_with_too_many_waiting_requests_is_refused_and_another_is_looked_up() {
        let (shared, _sessions, _lookups) = held();
        let mut requests: Vec<_> = (0..=WAITING).map(|_| shared.owner("session")).collect();
        assert!(requests.iter_mut().all(|request| request.now_or_never().is_none()));

        assert_eq!(shared.owner("session").now_or_never(), Some(Err(SessionError::TooMany)));
        assert_eq!(shared.owner("another").now_or_never(), None);
    }

    #[tokio::test]
    async fn a_request_after_the_end_of_its_session_is_refused_though_a_lookup_is_under_way() {
        let (shared, sessions, mut lookups) = held();
        let mut requests = FuturesUnordered::new();
        requests.push(shared.owner("session"));
        assert!(requests.next().now_or_never().is_none());
        let first = lookups.recv().await.unwrap();

        sessions.is_valid.send_replace(false);
        requests.push(shared.owner("session"));
        assert!(requests.next().now_or_never().is_none());
        first.send(()).unwrap();
        let before = requests.next().await.unwrap();
        lookups.recv().await.unwrap().send(()).unwrap();

        assert_eq!(before, Ok(USER));
        assert_eq!(requests.next().await.unwrap(), Err(SessionError::Invalid));
    }

    #[tokio::test]
    async fn a_request_that_is_given_up_takes_no_answer_from_another() {
        let (shared, _sessions, mut lookups) = held();
        let mut given_up = shared.owner("session");
        assert!((&mut given_up).now_or_never().is_none());
        let mut other = shared.owner("session");
        assert!((&mut other).now_or_never().is_none());

        drop(given_up);
        for _ in 0..2 {
            lookups.recv().await.unwrap().send(()).unwrap();
        }

        assert_eq!(other.await, Ok(USER));
    }
}
