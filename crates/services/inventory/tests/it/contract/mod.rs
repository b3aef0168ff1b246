//! The contract of the stores: one suite over the in-memory twin and PostgreSQL.

/// Makes each case a test per store.
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
mod warehouse;
