//! What runs beside a test: a service, stand-ins for services over gRPC, and the test program itself.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use platform::{
    auth::{Guard, MemorySessions, Rule, ServiceKey},
    grpc::Services,
    server::{App, readiness::Readiness},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::settings::SERVICE_KEY;

/// A task started by [`run`]. Dropping it signals the task to stop, without waiting.
pub struct Running {
    stop: DropGuard,
    task: JoinHandle<anyhow::Result<()>>,
}

/// Runs `work`, such as `|stop| app.run(stop)`, until the handle is dropped or [stopped](Running::stop).
pub fn run<F>(work: impl FnOnce(CancellationToken) -> F) -> Running
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let stop = CancellationToken::new();
    let task = tokio::spawn(work(stop.clone()));
    Running { stop: stop.drop_guard(), task }
}

/// Starts a service and waits until it is ready. Returns its address.
///
/// # Panics
///
/// If the service has no address.
pub async fn start(app: App) -> (SocketAddr, Running) {
    let (address, readiness) = (app.address().expect("a service listens"), app.readiness());
    let running = run(|stop| app.run(stop));
    readiness.ready().await;
    (address, running)
}

impl Running {
    /// Stops the task, and waits for it. Panics if it failed.
    pub async fn stop(self) {
        drop(self.stop);
        self.task.await.expect("what runs beside the test panicked").expect("what runs beside the test failed");
    }

    /// Aborts the task at once, like a crash.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Creates the guard of a stand-in for the service `name`. It admits services with the tests' key, and knows no
/// session.
pub fn guard(name: &'static str, rules: &'static [Rule]) -> Guard {
    let key = ServiceKey::new(name, &SERVICE_KEY.into()).expect("the key of tests is long enough");
    Guard::new(Arc::new(MemorySessions::default()), key, rules)
}

/// Serves on a free port until the handle is dropped.
pub async fn serve(guard: Guard, services: Services) -> (SocketAddr, Running) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    (address, run(|stop| services.serve(listener, guard, Readiness::default(), stop)))
}

/// A test's own process, which the test may kill: the test program itself, running one of its ignored tests. It is
/// killed with SIGKILL when it is dropped.
pub struct OwnProcess(Child);

impl OwnProcess {
    /// Starts the ignored test with this path, such as `killed::process`, with further variables. Panics if the process
    /// cannot be started.
    pub fn start<'v>(test: &str, variables: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let child = Command::new(std::env::current_exe().expect("this program has a path"))
            .args(["--ignored", "--exact", test])
            .envs(variables)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("a process can be started"))
    }
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
