//! Tests of password hashing.

use std::time::Duration;

use super::*;

fn config(memory_kib: u32, threads: usize, queue: usize) -> config::Hashing {
    config::Hashing {
        iam_argon2_memory_kib: memory_kib,
        iam_argon2_iterations: 1,
        iam_hashing_threads: threads,
        iam_hashing_queue: queue,
    }
}

fn hashing(threads: usize, queue: usize) -> Hashing {
    Hashing::new(&config(64, threads, queue)).unwrap()
}

fn password(text: &str) -> Password {
    Password::given("password", text.to_owned()).unwrap()
}

#[tokio::test]
async fn a_hash_matches_only_its_password_however_that_is_written() {
    let hashing = hashing(1, 4);

    let hash = hashing.hash(password("right"), [7; 16]).await.unwrap();

    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    assert_eq!(hashing.verify(password("right"), Some(hash.clone())).await.unwrap(), Verdict::Right);
    assert_eq!(hashing.verify(password("wrong"), Some(hash)).await.unwrap(), Verdict::Wrong);
    assert_eq!(hashing.verify(password("right"), None).await.unwrap(), Verdict::Wrong);
    let hash = hashing.hash(password("cafe\u{301} au lait"), [8; 16]).await.unwrap();
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
    let highest = AtomicU64::new(argon::work(&costly));

    let mut times: [Vec<Duration>; 4] = Default::default();
    for _ in 0..15 {
        for (hash, times) in hashes.iter().zip(&mut times) {
            let start = std::time::Instant::now();
            verify(&params, &highest, &password("wrong"), hash.as_deref()).unwrap();
            times.push(start.elapsed());
        }
    }

    // The minimum of several times is robust under load. Without equal work, the cheapest hash would take 1/32 of the
    // time of the most expensive.
    let minimums = times.map(|times| times.into_iter().min().unwrap_or_default());
    let (shortest, longest) = (minimums.iter().min().unwrap(), minimums.iter().max().unwrap());
    assert!(*longest < *shortest * 3, "{minimums:?}");
}

#[tokio::test]
async fn a_hash_beyond_the_queue_is_refused_at_once() {
    let hashing = hashing(1, 1);
    let (finish, wait) = std::sync::mpsc::channel::<()>();
    let busy = tokio::spawn({
        let hashing = hashing.clone();
        async move { hashing.run(move || wait.recv()).await }
    });
    let waiting = tokio::spawn({
        let hashing = hashing.clone();
        async move { hashing.run(|| ()).await }
    });
    while hashing.admitted.available_permits() > 0 {
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
async fn new_hashes_leave_half_of_the_places_to_verifications() {
    let hashing = hashing(1, 3);
    let (finish, wait) = std::sync::mpsc::channel::<()>();
    let busy = tokio::spawn({
        let hashing = hashing.clone();
        async move { hashing.run(move || wait.recv()).await }
    });
    while hashing.running.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let registrations = [(); 2].map(|()| {
        let hashing = hashing.clone();
        tokio::spawn(async move { hashing.hash(password("new"), [1; 16]).await })
    });
    while hashing.new.available_permits() > 0 {
        tokio::task::yield_now().await;
    }

    assert!(matches!(hashing.hash(password("third"), [1; 16]).await, Err(Error::HashingBusy)));
    let verified = tokio::spawn({
        let hashing = hashing.clone();
        async move { hashing.verify(password("any"), None).await }
    });

    drop(finish);
    assert!(busy.await.unwrap().is_ok());
    assert_eq!(verified.await.unwrap().unwrap(), Verdict::Wrong);
    for registration in registrations {
        assert!(registration.await.unwrap().is_ok());
    }
}

#[test]
fn costs_below_the_minimum_of_owasp_are_weak() {
    let is_weak =
        |memory, iterations| config::Hashing { iam_argon2_iterations: iterations, ..config(memory, 1, 1) }.is_weak();

    for (memory, iterations) in [(19_456, 2), (47_104, 1), (7_168, 5), (65_536, 3)] {
        assert!(!is_weak(memory, iterations), "{memory} KiB, {iterations}");
    }
    for (memory, iterations) in [(19_455, 2), (19_456, 1), (7_167, 9), (64, 1)] {
        assert!(is_weak(memory, iterations), "{memory} KiB, {iterations}");
    }
}
