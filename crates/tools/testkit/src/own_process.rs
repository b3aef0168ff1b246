//! A test's own process, which the test may kill: the test program itself, running one of its ignored tests.

use std::process::{Child, Command, Stdio};

/// A running process. It is killed with SIGKILL when it is dropped.
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
