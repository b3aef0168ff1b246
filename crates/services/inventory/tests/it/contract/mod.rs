//! The contract of the stores: one suite, run over the in-memory implementation and PostgreSQL.

/// Declares a test of each case for each store.
macro_rules! contract {
    ($($case:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::fixture::memory()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $case() {
                let (fixture, _database) = crate::fixture::postgres().await;
                super::$case(fixture).await;
            })*
        }
    };
}

mod catalogue;
mod expiry;
mod reservations;
mod stock;
