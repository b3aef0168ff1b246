//! Tests of calls to a service by name. They must go to all healthy replicas, and to no others.

mod fixture;
mod resolver;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use contracts::proto::auth::v1::auth_service_server::AuthServiceServer;
use fixture::{Client, DRAIN, Logins, Replica, Shared, client, login, whoami};
use futures::future::join_all;
use platform::deadline;
use resolver::MemoryResolver;
use stand_ins::Proxy;
use testkit::eventually;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time::sleep,
};
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code, Status};

/// The time to notice a change: two lookups or health checks, and a reserve for a slow machine.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(4);

/// A load of reads and writes in several tasks, until it is stopped.
struct Load {
    is_over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<(u64, Vec<Status>)>>,
}

impl Load {
    fn start(client: &Client) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let work = |task: usize| {
            let (client, is_over) = (client.clone(), is_over.clone());
            async move {
                let (mut calls, mut failures) = (0, Vec::new());
                while !is_over.load(Ordering::Relaxed) {
                    calls += 1;
                    let done = if calls % 2 == 0 {
                        whoami(&client).await
                    } else {
                        login(&client, &format!("{task}-{calls}")).await
                    };
                    failures.extend(done.err());
                    sleep(Duration::from_millis(2)).await;
                }
                (calls, failures)
            }
        };
        let tasks = (0..4).map(|task| tokio::spawn(work(task))).collect();
        Self { is_over, tasks }
    }

    /// Stops the load. Returns the number of calls and the failures.
    async fn stop(self) -> (u64, Vec<Status>) {
        self.is_over.store(true, Ordering::Relaxed);
        let (mut calls, mut failures) = (0, Vec::new());
        for ended in join_all(self.tasks).await {
            let (some, failed) = ended.expect("a task of the load panicked");
            calls += some;
            failures.extend(failed);
        }
        (calls, failures)
    }
}

/// Starts two replicas, the second behind a proxy, and calls them until each has responded several times.
async fn two_replicas(logins: &Logins) -> (Client, [Replica; 2], Proxy) {
    let resolver = MemoryResolver::default();
    let (one, two) =
        (Replica::start("one", "127.0.0.2", logins).await, Replica::start("two", "127.0.0.3", logins).await);
    let proxy = Proxy::to(two.address).await.expect("a proxy");
    resolver.set(&[one.address, proxy.address()]);
    let client = client(&resolver);
    eventually(async || {
        whoami(&client).await.ok();
        (one.asked() > 10 && two.asked() > 10).then_some(())
    })
    .await;
    (client, [one, two], proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_answers_no_more_soon_gets_no_call() {
    let logins = Logins::default();
    let (client, [_one, two], proxy) = two_replicas(&logins).await;

    // From here on the replica does not respond. It gets calls only until a health check has failed.
    proxy.mute();
    let (begun, mut asked, mut last) = (Instant::now(), two.asked(), Duration::ZERO);
    let mut calls = JoinSet::new();
    while begun.elapsed() < NOTICE_TIMEOUT {
        let client = client.clone();
        calls.spawn(async move { deadline::within(Duration::from_millis(200), login(&client, "any")).await });
        sleep(Duration::from_millis(5)).await;
        if two.asked() > asked {
            (asked, last) = (two.asked(), begun.elapsed());
        }
    }
    println!("a replica that does not respond got its last call after {last:?}");
    assert!(last + Duration::from_millis(500) < NOTICE_TIMEOUT, "{last:?}");
    assert!(calls.join_all().await.iter().filter(|done| done.is_ok()).count() > 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_replacement_fails_no_call() {
    let (resolver, logins) = (MemoryResolver::default(), Arc::default());
    let old =
        [Replica::start("old 1", "127.0.0.2", &logins).await, Replica::start("old 2", "127.0.0.3", &logins).await];
    let mut addresses = old.iter().map(|replica| replica.address).collect::<Vec<_>>();
    resolver.set(&addresses);
    let client = client(&resolver);
    eventually(async || whoami(&client).await.ok()).await;
    sleep(NOTICE_TIMEOUT / 4).await;
    let load = Load::start(&client);
    let mut new = Vec::new();

    for (replica, ip) in old.into_iter().zip(["127.0.0.4", "127.0.0.5"]) {
        let next = Replica::begin("new", ip, &logins).await;
        addresses.push(next.address);
        resolver.set(&addresses);
        sleep(NOTICE_TIMEOUT / 2).await;
        assert_eq!(next.asked(), 0, "a replica got a call before it was ready");
        next.ready.set(true);
        eventually(async || (next.asked() > 0).then_some(())).await;
        new.push(next);

        let (address, asked) = (replica.address, replica.counter());
        let stopping = tokio::spawn(replica.stop());
        sleep(DRAIN * 3 / 5).await;
        let noticed = asked();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(asked(), noticed, "a replica that is not ready any more still got calls");
        stopping.await.unwrap();
        addresses.retain(|one| *one != address);
        resolver.set(&addresses);
    }

    let (calls, failures) = load.stop().await;
    println!("{calls} calls");
    assert!(calls > 200 && failures.is_empty(), "{failures:?} of {calls} calls");
    assert!(logins.lock().unwrap().values().all(|times| *times == 1), "a write was done twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_dies_in_the_middle_costs_no_read_and_repeats_no_write() {
    let logins = Logins::default();
    let (client, _replicas, proxy) = two_replicas(&logins).await;

    // From here on the replica executes its calls, but the responses are lost.
    proxy.mute();
    let reads = join_all((0..40).map(|_| whoami(&client)));
    let names: Vec<_> = (0..40).map(|number| format!("write {number}")).collect();
    let writes = join_all(names.iter().map(|name| login(&client, name)));
    let dies = async {
        sleep(Duration::from_millis(300)).await;
        proxy.cut();
    };
    let (reads, writes, ()) = tokio::join!(reads, writes, dies);

    assert!(reads.iter().all(Result::is_ok), "{reads:?}");
    let lost = writes.iter().filter(|write| write.is_err()).count();
    println!("{lost} of 40 writes were lost");
    assert!((1..=30).contains(&lost), "{lost} of 40 writes were lost");
    for failure in writes.iter().filter_map(|write| write.as_ref().err()) {
        assert_eq!(failure.code(), Code::Unavailable, "{failure:?}");
    }
    assert!(logins.lock().unwrap().values().all(|times| *times == 1), "a write was done twice");
}

#[tokio::test]
async fn calls_do_not_queue_for_a_connection_that_cannot_be_made() {
    let (resolver, logins) = (MemoryResolver::default(), Logins::default());
    let one = Replica::start("one", "127.0.0.2", &logins).await;
    // The queue of connections of this address is full, so a further connection is never accepted.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.3:0".parse().unwrap()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connection) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        waiting.push(connection);
    }
    // The second address has no listener, so a connection is refused.
    let dead = TcpListener::bind("127.0.0.4:0").await.unwrap().local_addr().unwrap();
    for (case, address) in [("full", address), ("dead", dead)] {
        resolver.set(&[address, one.address]);
        let client = client(&resolver);

        let done = join_all((0..40).map(|number| {
            let client = client.clone();
            async move { login(&client, &format!("{case} {number}")).await }
        }));

        let done = done.await;
        assert!(done.iter().all(|done| done.as_ref().is_ok_and(|name| name == "one")), "{case}: {done:?}");
    }
    assert!(logins.lock().unwrap().values().all(|times| *times == 1), "a write was done twice");
}

#[tokio::test]
async fn look_ups_that_fail_change_nothing_and_all_end_with_the_last_clone() {
    let (resolver, logins) = (MemoryResolver::default(), Arc::default());
    let one = Replica::start("one", "127.0.0.2", &logins).await;
    let client = client(&resolver);
    assert_eq!(whoami(&client).await.unwrap_err().code(), Code::Unavailable);
    resolver.set(&[one.address]);
    eventually(async || whoami(&client).await.ok()).await;

    resolver.fail();
    let asked = resolver.asked();
    eventually(async || (resolver.asked() > asked + 1).then_some(())).await;
    assert_eq!(whoami(&client).await.unwrap(), "one");

    drop(client);
    sleep(Duration::from_millis(100)).await;
    let asked = resolver.asked();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(resolver.asked(), asked);
}

#[tokio::test]
async fn while_no_replica_is_ready_all_are_asked() {
    let (resolver, logins) = (MemoryResolver::default(), Arc::default());
    let (one, two) =
        (Replica::begin("one", "127.0.0.2", &logins).await, Replica::begin("two", "127.0.0.3", &logins).await);
    resolver.set(&[one.address, two.address]);
    let client = client(&resolver);

    eventually(async || {
        whoami(&client).await.unwrap();
        (one.asked() > 0 && two.asked() > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_without_a_health_service_serves() {
    let (resolver, logins) = (MemoryResolver::default(), Arc::default());
    let other = Replica::begin("not ready", "127.0.0.2", &logins).await;
    let listener = TcpListener::bind("127.0.0.3:0").await.unwrap();
    let (address, plain) = (listener.local_addr().unwrap(), Shared::new("plain"));
    let server = tonic::transport::Server::builder().add_service(AuthServiceServer::new(plain.clone()));
    let _server = AbortOnDropHandle::new(tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener))));
    resolver.set(&[other.address, address]);
    let client = client(&resolver);

    eventually(async || {
        let responses = [whoami(&client).await.unwrap(), whoami(&client).await.unwrap()];
        responses.iter().all(|response| response == "plain").then_some(())
    })
    .await;
    let before = (other.asked(), plain.asked());
    for _ in 0..20 {
        whoami(&client).await.unwrap();
    }
    assert_eq!((other.asked(), plain.asked()), (before.0, before.1 + 20));
}
