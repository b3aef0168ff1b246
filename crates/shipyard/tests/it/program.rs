//! `shipyard` as a child process that does not outlive the tests.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use testkit::eventually;
use tokio::sync::watch;

/// Environment variables, as pairs of name and value.
pub type Variables = Vec<(String, String)>;

/// A running `shipyard`. Dropping it kills the process.
pub struct Program {
    pid: Pid,
    ended: watch::Receiver<Option<ExitStatus>>,
}

/// A command that runs `shipyard` with these arguments in `directory`. Inherits no other variables.
pub fn shipyard(arguments: &[&str], variables: &Variables, directory: &Path) -> Command {
    // `setpriv`, if the system has it, kills the programs when the test run is killed.
    let setpriv = Path::new("/usr/bin/setpriv");
    let mut command = if setpriv.exists() {
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", "KILL", "--", env!("CARGO_BIN_EXE_shipyard")]);
        command
    } else {
        Command::new(env!("CARGO_BIN_EXE_shipyard"))
    };
    command.args(arguments).current_dir(directory).env_clear();
    for name in ["PATH", "HOME"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.envs(variables.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
    command
}

/// Waits until the program with this admin address is ready.
pub async fn until_ready(admin: impl std::fmt::Display) {
    let http = platform::http::client(Duration::from_secs(5)).expect("a client");
    let health = format!("http://{admin}/health/ready");
    eventually(async || http.get(&health).send().await.ok().filter(|response| response.status() == 200)).await;
}

impl Program {
    /// Appends the command's output to the file `log`.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).expect("a log can be written");
        command.stdout(output.try_clone().expect("a file has handles")).stderr(output);
        let (started, starting) = mpsc::channel();
        let (end, ended) = watch::channel(None);
        // This thread lives as long as the program: the kernel ties the parent death signal to the thread that spawned
        // it.
        std::thread::spawn(move || {
            let mut child: Child = command.spawn().expect("the program starts");
            started.send(child.id()).expect("the caller waits for the program");
            end.send_replace(child.wait().ok());
        });
        let pid = starting.recv().expect("the program starts");
        Self { pid: Pid::from_raw(pid.cast_signed()).expect("a process has an id"), ended }
    }

    pub fn signal(&self, signal: Signal) {
        if self.ended.borrow().is_none() {
            let _ = kill_process(self.pid, signal);
        }
    }

    pub fn pid(&self) -> String {
        self.pid.to_string()
    }

    /// Panics if the program does not exit within half a minute.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(Duration::from_secs(30), self.ended.wait_for(Option::is_some)).await;
        ended.expect("the program ends").expect("its thread waits for it").expect("it ended")
    }

    /// Sends `kill -9`, and waits until the process has exited.
    pub async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
