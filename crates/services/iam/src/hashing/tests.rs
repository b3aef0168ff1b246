//! Tests of password hashing.

use std::{sync::Mutex, time::Duration};

use super::*;

fn config(memory_kib: u32, threads: usize, queue: usize) -> config::Hashing {
    config::Hashing {
        iam_argon2_memory_kib: memory_kib,
        iam_argon2_iterations: 1,
        iam_hashing_threads: threads,
        iam_hashing_queue: queue,
        iam_registration_queue: queue,
    }
}

fn hashing(threads: usize, queue: usize) -> Hashing {
    Hashing::new(&config(64, threads, queue)).unwrap()
}

fn password(text: &str) -> Password {
    Password::given("password", text.to_owned()).unwrap()
}

#[tokio::test]
async fn a_hash_matches_only_its_password() {
    let hashing = hashing(1, 4);

    let hash = hashing.hash(Purpose::Registration, password("right"), [7; 16]).await.unwrap();

    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    assert_eq!(hashing.verify(password("right"), Some(hash.clone())).await.unwrap(), Verdict::Right);
    assert_eq!(hashing.verify(password("wrong"), Some(hash)).await.unwrap(), Verdict::Wrong);
    assert_eq!(hashing.verify(password("right"), None).await.unwrap(), Verdict::Wrong);
}

#[tokio::test]
async fn a_hash_matches_its_password_however_it_is_written() {
    let hashing = hashing(1, 4);

    let hash = hashing.hash(Purpose::Login, password("cafe\u{301} au lait"), [8; 16]).await.unwrap();

    for text in ["cafe\u{301} au lait", "caf\u{e9} au lait"] {
        assert_eq!(hashing.verify(password(text), Some(hash.clone())).await.unwrap(), Verdict::Right, "{text}");
    }
}

/// Compares an unknown login with accounts whose hashes cost less than, as much as and more than configured.
#[test]
fn every_verification_does_the_same_work() {
    let (params, costly) = (Params::new(4096, 2, 1, Some(32)).unwrap(), Params::new(8192, 2, 1, Some(32)).unwrap());
    let cheap = Params::new(512, 1, 1, Some(32)).unwrap();
    let hash = |params: &Params| Some(argon::hash(params, b"right", [7; 16]).unwrap());
    let hashes = [None, hash(&cheap), hash(&params), hash(&costly)];
    // A hash with the most work has been verified before.
    let most = AtomicU64::new(argon::work(&costly));

    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..15 {
        for (hash, times) in hashes.iter().zip(&mut times) {
            let start = std::time::Instant::now();
            verify(&params, &most, &password("wrong"), hash.as_deref()).unwrap();
            times.push(start.elapsed());
        }
    }

    // The minimum of several times is robust under load. Without equal work, the cheapest hash would take 1/32 of the
    // time of the most expensive.
    let least = times.map(|times| times.into_iter().min().unwrap_or_default());
    let (shortest, longest) = (least.iter().min().unwrap(), least.iter().max().unwrap());
    assert!(*longest < *shortest * 3, "{least:?}");
}

#[tokio::test]
async fn a_hash_beyond_the_queue_is_refused_at_once() {
    let hashing = hashing(1, 1);
    let (finish, wait) = std::sync::mpsc::channel::<()>();
    let busy = tokio::spawn({
        let hashing = hashing.clone();
        async move { hashing.run(Purpose::Login, move || wait.recv()).await }
    });
    let waiting = tokio::spawn({
        let hashing = hashing.clone();
        async move { hashing.run(Purpose::Login, || ()).await }
    });
    while hashing.queues.logins.admitted.available_permits() > 0 {
        tokio::task::yield_now().await;
    }

    let refused = hashing.verify(password("any"), None).await.unwrap_err();

    assert!(matches!(refused, Error::HashingBusy), "{refused:?}");
    assert_eq!(tonic::Status::from(refused).code(), tonic::Code::ResourceExhausted);
    drop(finish);
    assert!(busy.await.unwrap().is_ok() && waiting.await.unwrap().is_ok());
    assert!(hashing.verify(password("any"), None).await.is_ok());
}

#[tokio::test]
async fn a_login_waits_for_one_registration_at_most() {
    let hashing = hashing(1, 64);
    let finished = Arc::new(Mutex::new(Vec::new()));
    let (finish, wait) = std::sync::mpsc::channel::<()>();
    let mut tasks = tokio::task::JoinSet::new();
    let run = |tasks: &mut tokio::task::JoinSet<_>, purpose, wait: Option<std::sync::mpsc::Receiver<()>>| {
        let (hashing, finished) = (hashing.clone(), finished.clone());
        tasks.spawn(async move {
            let job = move || {
                let _ended = wait.map(|wait| wait.recv());
                finished.lock().unwrap().push(purpose);
            };
            hashing.run(purpose, job).await.unwrap();
        });
    };
    run(&mut tasks, Purpose::Registration, Some(wait));
    while hashing.queues.running.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..60 {
        run(&mut tasks, Purpose::Registration, None);
    }
    while hashing.queues.registrations.admitted.available_permits() > 4 {
        tokio::task::yield_now().await;
    }
    run(&mut tasks, Purpose::Login, None);
    while hashing.queues.logins.next.available_permits() > 0 {
        tokio::task::yield_now().await;
    }

    drop(finish);
    tasks.join_all().await;

    let place = finished.lock().unwrap().iter().position(|purpose| *purpose == Purpose::Login).unwrap();
    assert!(place <= 2, "{place} registrations came first");
}
