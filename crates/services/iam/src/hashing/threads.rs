//! The threads that compute hashes. They have a low priority, so that the operating system runs other calls first.

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

/// A pool of hashing threads. The threads end when the last clone is dropped.
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

    /// Runs `job` on the next free thread and returns its result, or `None` if it panicked.
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
        // If the job panics, the thread continues. The caller gets no result, which it reports as an error.
        let _panicked = catch_unwind(AssertUnwindSafe(job));
    }
}

/// Lowers the priority of this thread. Only Linux has a priority per thread; on other systems the call would affect the
/// whole process.
#[cfg(target_os = "linux")]
fn lower_priority() {
    /// The niceness of a hashing thread. When it competes for a core with a thread of niceness 0, it gets about a tenth of that thread's
    /// share.
    const NICE: i32 = 10;
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "priority of a hashing thread not lowered");
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
