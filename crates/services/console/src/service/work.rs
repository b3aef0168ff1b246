//! A kind of long action, one of which runs at a time in this process: the progress of the running action, and the
//! result of the last one.
//!
//! Both are kept in memory. The log of actions has what each action did, and an interrupted replay leaves the rest of its letters pending.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use platform::clock;
use serde::Serialize;

use crate::client::{OnProgress, Progress};

/// The action that runs, and the last one that ended. Clones share them.
pub struct Work<T>(Arc<Mutex<Now<T>>>);

#[derive(Debug, Serialize)]
pub struct Now<T> {
    pub running: Option<Running>,
    pub last: Option<Arc<Ended<T>>>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Running {
    /// The title of the action, such as `Replaying dead letters`.
    pub title: &'static str,
    pub since: DateTime<Utc>,
    #[serde(flatten)]
    pub progress: Progress,
}

#[derive(Debug, Serialize)]
pub struct Ended<T> {
    pub title: &'static str,
    pub at: DateTime<Utc>,
    pub result: Result<T, String>,
}

/// The right to run an action of this kind.
pub struct Turn<T> {
    work: Work<T>,
    title: &'static str,
    /// True once the result is noted: from then on, another action may run.
    has_ended: bool,
}

impl<T> Clone for Work<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Work<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Now { running: None, last: None })))
    }
}

impl<T> Work<T> {
    pub fn now(&self) -> Now<T> {
        let Now { running, last } = &*self.state();
        Now { running: running.clone(), last: last.clone() }
    }

    /// Begins an action. `None` while another one runs.
    pub fn begin(&self, title: &'static str) -> Option<Turn<T>> {
        let mut state = self.state();
        if state.running.is_some() {
            return None;
        }
        state.running = Some(Running { title, since: clock::now(), progress: Progress::default() });
        Some(Turn { work: self.clone(), title, has_ended: false })
    }

    fn state(&self) -> MutexGuard<'_, Now<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync + 'static> Turn<T> {
    /// Returns a callback that records the progress of the action.
    pub fn progress(&self) -> OnProgress {
        let work = self.work.clone();
        Arc::new(move |progress| {
            if let Some(running) = &mut work.state().running {
                running.progress = progress;
            }
        })
    }

    pub fn end(mut self, result: anyhow::Result<T>) {
        self.note(result.map_err(|error| format!("{error:#}")));
    }
}

impl<T> Turn<T> {
    fn note(&mut self, result: Result<T, String>) {
        self.has_ended = true;
        let mut state = self.work.state();
        state.running = None;
        state.last = Some(Arc::new(Ended { title: self.title, at: clock::now(), result }));
    }
}

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.note(Err("it was interrupted".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_that_is_dropped_is_said_and_lets_the_next_one_begin() {
        let work = Work::<u32>::default();

        drop(work.begin("Counting").unwrap());

        assert_eq!(work.now().last.unwrap().result, Err("it was interrupted".to_owned()));
        assert!(work.begin("Counting").is_some());
    }

    #[test]
    fn an_action_that_has_ended_leaves_the_next_one_alone() {
        let work = Work::<u32>::default();
        let mut turn = work.begin("Counting").unwrap();

        turn.note(Ok(2));
        let _next = work.begin("Counting again").unwrap();
        drop(turn);

        assert_eq!(work.now().running.unwrap().title, "Counting again");
        assert_eq!(work.now().last.unwrap().result, Ok(2));
    }
}
