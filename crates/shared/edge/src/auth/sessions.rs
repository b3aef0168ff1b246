//! The look-ups of sessions: the trait with which the guard looks up the user of a session, its in-memory
//! implementation, and look-ups that concurrent requests share. `contracts::identity` has the implementation that asks
//! the service of sessions.
//!
//! Requests that arrive during a look-up wait for the next one, which looks up each of their sessions once. So many
//! concurrent requests of one session, as of an attacker, cost other sessions little. A look-up starts only after the
//! requests that wait for it have arrived, so it never admits a session that had already ended.

use std::{
    collections::HashMap,
    panic::resume_unwind,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::join_all;
use group_commit::{Batcher, Entry, Limits, SubmitError};
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use super::{Credential, User};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("invalid session")]
    Invalid,
    /// The session cannot be checked now, so callers must refuse the request.
    #[error("sessions cannot be checked now")]
    Unavailable,
    #[error("too many requests of this session at once")]
    TooMany,
}

#[async_trait]
pub trait Sessions: Send + Sync {
    /// Returns the user of a valid session or token.
    async fn owner(&self, credential: &Credential) -> Result<User, SessionError>;

    /// Returns the users of several sessions and tokens, in the same order.
    async fn owners(&self, credentials: &[Credential]) -> Vec<Result<User, SessionError>> {
        join_all(credentials.iter().map(|credential| self.owner(credential))).await
    }
}

#[derive(Default)]
pub struct MemorySessions {
    owners: Mutex<HashMap<Credential, User>>,
}

impl MemorySessions {
    pub fn open(&self, session: &str, user: Uuid) {
        self.insert(Credential::Session(session.to_owned()), User::plain(user));
    }

    pub fn add_token(&self, token: &str, user: Uuid) {
        self.insert(Credential::Token(token.to_owned()), User::plain(user));
    }

    pub fn open_operator(&self, session: &str, user: Uuid) {
        self.insert(Credential::Session(session.to_owned()), User::operator(user));
    }

    pub fn end(&self, session: &str) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.remove(&Credential::Session(session.to_owned()));
    }

    fn insert(&self, credential: Credential, user: User) {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).insert(credential, user);
    }
}

#[async_trait]
impl Sessions for MemorySessions {
    async fn owner(&self, credential: &Credential) -> Result<User, SessionError> {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.get(credential).copied().ok_or(SessionError::Invalid)
    }
}

/// The maximum number of requests of one session that wait for its look-up: a quarter of [`MAX_BATCH`], like the limit
/// of a user. These requests occupy slots before their user is known.
const MAX_WAITING_PER_SESSION: usize = 128;
/// The maximum number of requests in one look-up: the default `…_MAX_IN_FLIGHT` of most HTTP APIs.
const MAX_BATCH: usize = 512;
/// `overlap_after` is much longer than a look-up, and much shorter than its time limit.
const LIMITS: Limits = Limits { batch: MAX_BATCH, overlap_after: Duration::from_millis(50), max_concurrent: 16 };

type Found = Result<User, SessionError>;

#[derive(Clone)]
pub(super) struct SharedLookups {
    lookups: Batcher<Credential, Found>,
    /// The number of waiting requests of each session or token. The limit on requests in flight bounds the size of this
    /// map.
    waiting: Arc<Mutex<HashMap<Credential, usize>>>,
}

impl SharedLookups {
    pub fn new(sessions: Arc<dyn Sessions>) -> Self {
        let look_up = move |requests| look_up(sessions.clone(), requests);
        Self { lookups: Batcher::new(LIMITS, |_, _| false, look_up), waiting: Arc::default() }
    }

    /// Counts a waiting request until the result is dropped. Returns `None` if [`MAX_WAITING_PER_SESSION`] wait
    /// already.
    fn register<'a>(&'a self, credential: &'a Credential) -> Option<WaitingRequest<'a>> {
        let mut waiting = self.lock();
        match waiting.get_mut(credential) {
            Some(count) if *count >= MAX_WAITING_PER_SESSION => return None,
            Some(count) => *count += 1,
            None => drop(waiting.insert(credential.clone(), 1)),
        }
        drop(waiting);
        Some(WaitingRequest { lookups: self, credential })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Credential, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct WaitingRequest<'a> {
    lookups: &'a SharedLookups,
    credential: &'a Credential,
}

impl Drop for WaitingRequest<'_> {
    fn drop(&mut self) {
        let mut waiting = self.lookups.lock();
        match waiting.get_mut(self.credential) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(waiting.remove(self.credential)),
        }
    }
}

async fn look_up(sessions: Arc<dyn Sessions>, requests: Vec<Entry<Credential, Found>>) {
    let span = requests.first().map_or_else(Span::none, |first| first.span.clone());
    let mut callers: HashMap<Credential, Vec<_>> = HashMap::with_capacity(requests.len());
    for Entry { request, reply, .. } in requests {
        callers.entry(request).or_default().push(reply);
    }
    let (credentials, callers): (Vec<_>, Vec<_>) = callers.into_iter().unzip();
    let found = sessions.owners(&credentials).instrument(span).await;
    for (callers, found) in callers.into_iter().zip(found) {
        for caller in callers {
            let _ = caller.send(found);
        }
    }
}

#[async_trait]
impl Sessions for SharedLookups {
    async fn owner(&self, credential: &Credential) -> Found {
        let Some(_entered) = self.register(credential) else {
            metrics::counter!("requests_of_one_user_shed_total").increment(1);
            return Err(SessionError::TooMany);
        };
        match self.lookups.submit(credential.clone()).await {
            Ok(found) => found,
            Err(SubmitError::Full) => Err(SessionError::Unavailable),
            Err(SubmitError::Lost) => resume_unwind(Box::new("the look-up of the session panicked")),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
    use tokio::sync::{mpsc, oneshot, watch};

    use super::*;

    const USER: User = User::plain(Uuid::from_u128(1));

    /// Sessions whose look-ups end when the test releases them. A look-up returns whether the session was valid when it
    /// began.
    struct Held {
        is_valid: watch::Sender<bool>,
        begun: mpsc::UnboundedSender<oneshot::Sender<()>>,
    }

    #[async_trait]
    impl Sessions for Held {
        async fn owner(&self, _: &Credential) -> Result<User, SessionError> {
            let is_valid = *self.is_valid.borrow();
            let (release, released) = oneshot::channel();
            self.begun.send(release).unwrap();
            released.await.unwrap();
            if is_valid { Ok(USER) } else { Err(SessionError::Invalid) }
        }
    }

    fn session(id: &str) -> Credential {
        Credential::Session(id.to_owned())
    }

    fn owner<'a>(shared: &'a SharedLookups, id: &str) -> BoxFuture<'a, Found> {
        let session = session(id);
        async move { shared.owner(&session).await }.boxed()
    }

    fn held() -> (SharedLookups, Arc<Held>, mpsc::UnboundedReceiver<oneshot::Sender<()>>) {
        let (begun, lookups) = mpsc::unbounded_channel();
        let sessions = Arc::new(Held { is_valid: watch::Sender::new(true), begun });
        (SharedLookups::new(sessions.clone()), sessions, lookups)
    }

    /// Sessions that record which ones are looked up together.
    #[derive(Default)]
    struct Recorded(Mutex<Vec<Vec<String>>>);

    #[async_trait]
    impl Sessions for Recorded {
        async fn owner(&self, _: &Credential) -> Result<User, SessionError> {
            Err(SessionError::Unavailable)
        }

        async fn owners(&self, credentials: &[Credential]) -> Vec<Found> {
            let mut sorted: Vec<_> = credentials.iter().map(|one| one.as_str().to_owned()).collect();
            sorted.sort();
            self.0.lock().unwrap().push(sorted);
            let ended = session("ended");
            let found = |one: &Credential| if *one == ended { Err(SessionError::Invalid) } else { Ok(USER) };
            credentials.iter().map(found).collect()
        }
    }

    #[tokio::test]
    async fn the_sessions_that_wait_are_looked_up_together_each_of_them_once() {
        let sessions = Arc::new(Recorded::default());
        let shared = SharedLookups::new(sessions.clone());

        let found = join_all(["a", "ended", "a", "b"].map(|session| owner(&shared, session))).await;

        assert_eq!(found, [Ok(USER), Err(SessionError::Invalid), Ok(USER), Ok(USER)]);
        assert_eq!(*sessions.0.lock().unwrap(), [["a", "b", "ended"]]);
        assert!(shared.lock().is_empty());
    }

    #[tokio::test]
    async fn a_session_with_too_many_waiting_requests_is_refused_and_another_is_looked_up() {
        let (shared, _sessions, _lookups) = held();
        let mut requests: Vec<_> = (0..MAX_WAITING_PER_SESSION).map(|_| owner(&shared, "session")).collect();
        assert!(requests.iter_mut().all(|request| request.now_or_never().is_none()));

        assert_eq!(owner(&shared, "session").now_or_never(), Some(Err(SessionError::TooMany)));
        assert_eq!(owner(&shared, "another").now_or_never(), None);
    }

    #[tokio::test]
    async fn a_request_after_the_end_of_its_session_is_refused_though_a_lookup_is_under_way() {
        let (shared, sessions, mut lookups) = held();
        let mut requests = FuturesUnordered::new();
        requests.push(owner(&shared, "session"));
        assert!(requests.next().now_or_never().is_none());
        let first = lookups.recv().await.unwrap();

        sessions.is_valid.send_replace(false);
        requests.push(owner(&shared, "session"));
        assert!(requests.next().now_or_never().is_none());
        first.send(()).unwrap();
        let before = requests.next().await.unwrap();
        lookups.recv().await.unwrap().send(()).unwrap();

        assert_eq!(before, Ok(USER));
        assert_eq!(requests.next().await.unwrap(), Err(SessionError::Invalid));
    }

    #[tokio::test]
    async fn a_request_that_is_given_up_takes_no_result_from_another() {
        let (shared, _sessions, mut lookups) = held();
        let mut given_up = owner(&shared, "session");
        assert!((&mut given_up).now_or_never().is_none());
        let mut other = owner(&shared, "session");
        assert!((&mut other).now_or_never().is_none());

        drop(given_up);
        lookups.recv().await.unwrap().send(()).unwrap();

        assert_eq!(other.await, Ok(USER));
    }
}
