//! Measures logins and prints the results: `cargo test -p iam --test it figures -- --ignored --nocapture`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::fixture::{Iam, PASSWORD, info, settings, start};

const THREADS: usize = 2;
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: u32 = 4;

/// Starts the service with the default costs of hashing and without limits on attempts.
async fn service() -> Iam {
    let own = [
        ("IAM_ARGON2_MEMORY_KIB", Params::DEFAULT_M_COST.to_string()),
        ("IAM_ARGON2_ITERATIONS", Params::DEFAULT_T_COST.to_string()),
        ("IAM_HASHING_THREADS", THREADS.to_string()),
        ("IAM_LOCKOUT_FAILURES", "0".to_owned()),
        ("IAM_ADDRESS_FAILURES", "0".to_owned()),
        ("IAM_ACCOUNT_LOGINS", "0".to_owned()),
        ("IAM_ADDRESS_NEW_ACCOUNTS", "0".to_owned()),
    ];
    start(&settings().await.with(own)).await
}

/// Starts tasks that log in repeatedly until `stop`. Returns the tasks and the number of successful logins.
fn flood(iam: &Iam, login: &str, stop: &Arc<AtomicBool>) -> (tokio::task::JoinSet<()>, Arc<AtomicU32>) {
    let (mut tasks, done) = (tokio::task::JoinSet::new(), Arc::new(AtomicU32::new(0)));
    for _ in 0..8 {
        let (mut auth, login, stop, done) = (iam.auth.clone(), login.to_owned(), stop.clone(), done.clone());
        tasks.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let (login, password) = (login.clone(), PASSWORD.to_owned());
                let request = contracts::proto::auth::v1::LoginRequest { login, password };
                done.fetch_add(u32::from(auth.login(request).await.is_ok()), Ordering::Relaxed);
            }
        });
    }
    (tasks, done)
}

/// Returns the number of hashes that the same number of threads compute within `ROUND`, without the service.
fn raw_loop() -> u32 {
    let hash_until = |end: Instant| {
        let params = Params::default();
        let mut memory = vec![Block::new(); params.block_count()];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut count = 0;
        while Instant::now() < end {
            let mut out = [0; 32];
            argon2
                .hash_password_into_with_memory(PASSWORD.as_bytes(), &[7; 16], &mut out, &mut memory)
                .expect("the parameters are valid");
            count += 1;
        }
        count
    };
    let end = Instant::now() + ROUND;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| hash_until(end))).collect();
        threads.into_iter().map(|thread| thread.join().expect("hashing does not panic")).sum()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "measures"]
async fn logins_per_second_against_a_raw_loop_of_argon2() {
    let (iam, known) = (service().await, info());
    iam.register(&known, PASSWORD).await.unwrap();

    let (mut logins, mut hashes) = (0, 0);
    for _ in 0..ROUNDS {
        hashes += tokio::task::spawn_blocking(raw_loop).await.unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (tasks, done) = flood(&iam, &known.login, &stop);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let before = done.load(Ordering::Relaxed);
        tokio::time::sleep(ROUND).await;
        logins += done.load(Ordering::Relaxed) - before;
        stop.store(true, Ordering::Relaxed);
        tasks.join_all().await;
    }

    let per_second = |count: u32| f64::from(count) / (ROUND * ROUNDS).as_secs_f64();
    println!(
        "logins/s {:.1}, raw hashes/s {:.1}: ratio {:.3}",
        per_second(logins),
        per_second(hashes),
        f64::from(logins) / f64::from(hashes)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "measures"]
async fn whoami_in_a_flood_of_logins_against_idle() {
    let iam = service().await;
    // The flood logs another user in, because it exceeds the maximum number of sessions and would end this user's session.
    let ((_, _, session), (known, _, _)) = (iam.registered_user().await, iam.registered_user().await);

    let (mut idle, mut flooded) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        idle.extend(times(&iam, &session).await);
        let stop = Arc::new(AtomicBool::new(false));
        let (tasks, _) = flood(&iam, &known.login, &stop);
        tokio::time::sleep(Duration::from_millis(300)).await;
        flooded.extend(times(&iam, &session).await);
        stop.store(true, Ordering::Relaxed);
        tasks.join_all().await;
    }

    let (idle, flooded) = (p99(idle), p99(flooded));
    println!(
        "Whoami p99 idle {idle:?}, in a flood {flooded:?}: ratio {:.2}",
        flooded.as_secs_f64() / idle.as_secs_f64()
    );
}

async fn times(iam: &Iam, session: &str) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..500 {
        let begin = Instant::now();
        iam.whoami(session).await.unwrap();
        times.push(begin.elapsed());
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    times
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}
