//! The in-memory twin of [`Keys`](crate::Keys), for tests.

use std::{
    collections::HashMap,
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    key::{Fingerprint, Key, fingerprint},
    once::DEFAULT_LOCK_TIMEOUT,
    response::{OnceError, Response, from_row, to_json},
};

/// Keys in memory: what [`Keys`](crate::Keys) promises, except that the changes of a failed `work` are not undone.
/// A clone shares the keys.
#[derive(Clone, Debug)]
pub struct MemoryKeys {
    entries: Entries,
    lock_timeout: Duration,
}

impl Default for MemoryKeys {
    fn default() -> Self {
        Self { entries: Entries::default(), lock_timeout: DEFAULT_LOCK_TIMEOUT }
    }
}

/// The scope and the key.
type Name = (String, String);

#[derive(Clone, Debug, Default)]
struct Entries(Arc<Mutex<HashMap<Name, Entry>>>);

#[derive(Debug)]
enum Entry {
    /// A request runs. These repeats wait for its end.
    Running(Vec<Waker>),
    Stored {
        request: Fingerprint,
        response: String,
        since: Instant,
    },
}

/// What a request finds under its key.
enum Found {
    New(Claim),
    Known { is_same: bool, response: String },
    InProgress,
}

impl MemoryKeys {
    /// Sets how long a repeat waits for the request that holds its key.
    #[must_use]
    pub fn with_lock_timeout(self, lock_timeout: Duration) -> Self {
        Self { lock_timeout, ..self }
    }

    /// As [`Keys::once`](crate::Keys::once), with a `work` that has no transaction.
    pub async fn once<T, E, R>(
        &self,
        key: &Key<'_>,
        request: &R,
        work: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<Response<T>, OnceError<E>>
    where
        T: Serialize + DeserializeOwned,
        R: Serialize + ?Sized,
    {
        key.check()?;
        let request = fingerprint(request).map_err(OnceError::<E>::Json)?;
        let claim = match self.claim(key, &request).await {
            Found::New(claim) => claim,
            Found::Known { is_same, response } => return from_row(is_same, Some(response.as_str()), true),
            Found::InProgress => return Err(OnceError::InProgress),
        };
        let value = work().await.map_err(OnceError::Work)?;
        let response = to_json::<T, E>(&value)?;
        claim.store(Entry::Stored { request, response, since: Instant::now() });
        Ok(Response { value, is_repeat: false })
    }

    /// Claims the key, or waits for the end of the request that holds it.
    async fn claim(&self, key: &Key<'_>, request: &Fingerprint) -> Found {
        let name: Name = (key.scope.to_owned(), key.key.to_owned());
        let mut deadline: Option<Instant> = None;
        poll_fn(|context| {
            let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            let found = self.entries.poll_claim(&name, request, is_late, context);
            if found.is_pending() && deadline.is_none() {
                deadline = Some(Instant::now() + self.lock_timeout);
                self.entries.wake_after(self.lock_timeout, name.clone());
            }
            found
        })
        .await
    }

    /// Removes the keys whose responses were stored at least this long ago, and returns their number.
    pub fn sweep(&self, age: Duration) -> u64 {
        let mut entries = self.entries.lock();
        let before = entries.len();
        entries.retain(|_, entry| match entry {
            Entry::Running(_) => true,
            Entry::Stored { since, .. } => since.elapsed() < age,
        });
        (before - entries.len()) as u64
    }
}

impl Entries {
    // No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_claim(&self, name: &Name, request: &Fingerprint, is_late: bool, context: &Context<'_>) -> Poll<Found> {
        let mut entries = self.lock();
        match entries.get_mut(name) {
            None => {
                entries.insert(name.clone(), Entry::Running(Vec::new()));
                Poll::Ready(Found::New(Claim { entries: self.clone(), name: name.clone(), stored: None }))
            }
            Some(Entry::Stored { request: stored, response, .. }) => {
                Poll::Ready(Found::Known { is_same: *stored == *request, response: response.clone() })
            }
            Some(Entry::Running(_)) if is_late => Poll::Ready(Found::InProgress),
            Some(Entry::Running(waiting)) => {
                waiting.push(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Wakes the requests that wait for a key, which then see that their time is up. A thread needs no runtime.
    fn wake_after(&self, timeout: Duration, name: Name) {
        let entries = self.clone();
        thread::spawn(move || {
            thread::sleep(timeout);
            let waiting = match entries.lock().get_mut(&name) {
                Some(Entry::Running(waiting)) => mem::take(waiting),
                _ => Vec::new(),
            };
            waiting.into_iter().for_each(Waker::wake);
        });
    }

    /// Ends a request: its key gets this entry, or becomes free.
    fn end(&self, name: &Name, entry: Option<Entry>) {
        let mut entries = self.lock();
        let ended = match entry {
            Some(entry) => entries.insert(name.clone(), entry),
            None => entries.remove(name),
        };
        drop(entries);
        if let Some(Entry::Running(waiting)) = ended {
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

/// A key that a request holds. Dropping it, even in a panic, frees the key unless there is a response to store.
struct Claim {
    entries: Entries,
    name: Name,
    stored: Option<Entry>,
}

impl Claim {
    fn store(mut self, entry: Entry) {
        self.stored = Some(entry);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.entries.end(&self.name, self.stored.take());
    }
}
