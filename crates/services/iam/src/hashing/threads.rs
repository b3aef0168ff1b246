//! The threads that hash, at a low priority: the system runs other calls first while passwords are hashed.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that end with the last clone.
#[derive(Clone)]
pub struct Threads(Sender<Job>);

impl Threads {
    pub fn start(count: usize) -> io::Result<Self> {
        let (sender, jobs) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..count {
            let jobs = jobs.clone();
            thread::Builder::new().name("hashing".to_owned()).spawn(move || work(&jobs))?;
        }
        Ok(Self(sender))
    }

    /// Runs `job` on the next free thread. `None` if it panicked.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (done, result) = oneshot::channel();
        let job = move || drop(done.send(job()));
        self.0.send(Box::new(job)).ok()?;
        result.await.ok()
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    lower_priority();
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The caller gets no result then, which is an error there.
        let _panicked = catch_unwind(AssertUnwindSafe(job));
    }
}

/// Linux has a priority per thread; elsewhere it is the whole process's.
#[cfg(target_os = "linux")]
fn lower_priority() {
    /// If both compete for one core, such a thread gets about a tenth of the share of a thread at 0.
    const NICE: i32 = 10;
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "hashing thread keeps its priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_thread_outlives_a_panic() {
        let threads = Threads::start(1).unwrap();

        assert_eq!(threads.run(|| panic!("on purpose")).await, None::<()>);
        assert_eq!(threads.run(|| 7).await, Some(7));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_has_a_lower_priority_than_calls() {
        let threads = Threads::start(1).unwrap();

        let hashing = threads.run(|| rustix::process::getpriority_process(None).unwrap()).await.unwrap();

        assert!(hashing > rustix::process::getpriority_process(None).unwrap());
    }
}
