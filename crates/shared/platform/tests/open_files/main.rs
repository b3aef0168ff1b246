//! Tests that connections leave open files to the rest of the process. The test has its own process, whose limit of
//! open files it lowers.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Command, Stdio},
    time::Duration,
};

use axum::{Router, routing::get};
use platform::{http, server::readiness::Readiness};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use testkit::Running;
use tokio::net::TcpListener;

const HARD_LIMIT: usize = 256;
/// Opens more connections than the process may have files, and holds them until its input ends.
const FLOOD: &str = "read port; for ((i = 0; i < 300; i++)); do exec {fd}<>/dev/tcp/127.0.0.1/$port; done; echo; read";

async fn serve() -> (SocketAddr, Running) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    let router = http::layers(Router::new().route("/", get(async || "here")));
    (address, testkit::run(|stop| http::serve(listener, router, Readiness::default(), stop)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_one_port_leaves_open_files_to_the_others() {
    // This process starts before the limit is lowered, so it keeps the higher one.
    let mut flood = Command::new("bash");
    let mut flood =
        flood.args(["-c", FLOOD]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bash is here");
    let mut input = flood.stdin.take().expect("a pipe");
    let (soft, hard) = (Some(HARD_LIMIT as u64 / 4), Some(HARD_LIMIT as u64));
    setrlimit(Resource::Nofile, Rlimit { current: soft, maximum: hard }).expect("limits can be lowered");
    let ((flooded, _first), (other, _second)) = (serve().await, serve().await);

    writeln!(input, "{}", flooded.port()).expect("the flood reads its port");
    let mut output = BufReader::new(flood.stdout.take().expect("a pipe"));
    tokio::task::spawn_blocking(move || output.read_line(&mut String::new())).await.unwrap().expect("the flood is on");
    let mut open = 0;
    for _ in 0..20 {
        for address in [other, flooded] {
            // A new client has a new connection.
            let client = http::client(Duration::from_secs(1)).expect("a client");
            let response = client.get(format!("http://{address}/")).send().await;
            assert!(response.is_ok_and(|response| response.status() == 200), "{address}, with {open} files");
        }
        open = std::fs::read_dir("/proc/self/fd").expect("files are left").count();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    println!("{open} open files of {HARD_LIMIT}");
    assert_eq!(getrlimit(Resource::Nofile).current, hard, "the soft limit is raised");
    assert!((HARD_LIMIT / 4..HARD_LIMIT / 2).contains(&open), "{open} open files");
    drop(input);
    flood.wait().expect("the flood ends");
}
