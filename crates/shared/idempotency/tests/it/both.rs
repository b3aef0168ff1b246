//! What both implementations promise.

use std::{
    future::pending,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use futures::FutureExt as _;
use idempotency::{InvalidKey, Key, MAX_RESPONSE_BYTES, OnceError, Response};
use tokio::sync::Notify;

use crate::store::{KEY, Store};

#[tokio::test]
async fn a_repeat_gets_the_stored_response_and_is_marked() {
    for store in Store::both().await {
        let first = store.once(&KEY, "pay", async || Ok::<_, String>(1)).await.unwrap();
        let repeat = store.once(&KEY, "pay", async || Ok::<_, String>(2)).await.unwrap();

        assert_eq!(first, Response { value: 1, is_repeat: false });
        assert_eq!(repeat, Response { value: 1, is_repeat: true });
    }
}

#[tokio::test]
async fn another_request_under_the_key_is_refused() {
    for store in Store::both().await {
        store.once(&KEY, "pay 1", async || Ok::<_, String>(1)).await.unwrap();

        let other = store.once(&KEY, "pay 2", async || Ok::<_, String>(2)).await;

        assert!(matches!(other, Err(OnceError::Reused)), "{other:?}");
    }
}

#[tokio::test]
async fn a_failed_work_leaves_the_key_free() {
    for store in Store::both().await {
        let failed = store.once(&KEY, "pay", async || Err::<i32, _>("no money")).await;

        assert!(matches!(failed, Err(OnceError::Work("no money"))), "{failed:?}");
        store.assert_is_free(&KEY).await;
    }
}

#[tokio::test]
async fn a_panic_in_the_work_leaves_the_key_free() {
    for store in Store::both().await {
        let work = async || -> Result<i32, String> { panic!("a panic that the test wants") };
        let panicked = AssertUnwindSafe(store.once(&KEY, "pay", work)).catch_unwind().await;

        assert!(panicked.is_err());
        store.assert_is_free(&KEY).await;
    }
}

#[tokio::test]
async fn a_dropped_future_leaves_the_key_free() {
    for store in Store::both().await {
        let started = Notify::new();
        let work = async || {
            started.notify_one();
            pending::<Result<i32, String>>().await
        };
        tokio::select! {
            ended = store.once(&KEY, "pay", work) => panic!("{ended:?}"),
            () = started.notified() => {}
        }

        store.assert_is_free(&KEY).await;
    }
}

#[tokio::test]
async fn a_response_above_the_limit_is_refused_and_leaves_the_key_free() {
    for store in Store::both().await {
        // Its JSON has two quotation marks more.
        let text = |length: usize| "a".repeat(length - 2);
        let largest = Key { key: "largest", ..KEY };
        let stored = store.once(&largest, "pay", async || Ok::<_, String>(text(MAX_RESPONSE_BYTES))).await;
        let refused = store.once(&KEY, "pay", async || Ok::<_, String>(text(MAX_RESPONSE_BYTES + 1))).await;

        assert!(stored.is_ok(), "{stored:?}");
        let size = MAX_RESPONSE_BYTES + 1;
        assert!(matches!(&refused, Err(OnceError::TooLarge { bytes }) if *bytes == size), "{refused:?}");
        store.assert_is_free(&KEY).await;
    }
}

#[tokio::test]
async fn two_concurrent_requests_run_the_work_once() {
    for store in Store::both().await {
        let (store, runs) = (&store, &AtomicU32::new(0));
        let request = || {
            store.once(&KEY, "pay", async move || {
                let run = runs.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok::<_, String>(run)
            })
        };

        let (one, other) = tokio::join!(request(), request());

        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        assert_eq!((one.value, other.value), (0, 0));
        assert_ne!(one.is_repeat, other.is_repeat);
    }
}

#[tokio::test]
async fn a_repeat_while_the_request_runs_is_refused_after_the_lock_timeout() {
    for store in Store::both_with(Duration::from_millis(20)).await {
        let work = async || {
            let repeat = store.once(&KEY, "pay", async || Ok::<_, String>(2)).await;
            Ok::<_, String>(matches!(repeat, Err(OnceError::InProgress)))
        };
        let response = store.once(&KEY, "pay", work).await.unwrap();

        assert!(response.value);
    }
}

#[tokio::test]
async fn keys_of_two_scopes_do_not_meet() {
    for store in Store::both().await {
        store.assert_is_free(&KEY).await;
        store.assert_is_free(&Key { scope: "bob", ..KEY }).await;
        store.assert_is_free(&Key { scope: "", ..KEY }).await;
    }
}

#[tokio::test]
async fn a_key_has_1_to_255_characters_and_no_nul() {
    let longest = "ü".repeat(255);
    let too_long = "ü".repeat(256);
    for store in Store::both().await {
        let refused = async |key: &Key<'_>| {
            let outcome = store.once(key, "pay", async || Ok::<_, String>(1)).await;
            match outcome {
                Err(OnceError::InvalidKey(invalid)) => invalid,
                other => panic!("{other:?}"),
            }
        };

        store.assert_is_free(&Key { scope: &longest, key: &longest }).await;
        assert_eq!(refused(&Key { key: "", ..KEY }).await, InvalidKey::KeyLength { characters: 0 });
        assert_eq!(refused(&Key { key: &too_long, ..KEY }).await, InvalidKey::KeyLength { characters: 256 });
        assert_eq!(refused(&Key { scope: &too_long, ..KEY }).await, InvalidKey::ScopeLength { characters: 256 });
        assert_eq!(refused(&Key { key: "a\0", ..KEY }).await, InvalidKey::Nul);
    }
}

#[tokio::test]
async fn a_key_is_free_after_a_sweep_of_its_age() {
    for store in Store::both().await {
        store.assert_is_free(&KEY).await;

        let young = store.sweep(Duration::from_hours(1)).await;
        let old = store.sweep(Duration::ZERO).await;

        assert_eq!((young, old), (0, 1));
        store.assert_is_free(&KEY).await;
    }
}
