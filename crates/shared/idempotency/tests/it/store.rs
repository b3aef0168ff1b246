//! The two implementations behind one interface, and a database with the table.

use std::time::Duration;

use idempotency::{Key, Keys, MemoryKeys, OnceError, Response, SCHEMA};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{PgConnection, PgPool, postgres::PgPoolOptions};

pub const KEY: Key<'static> = Key { scope: "ann", key: "first" };
/// Longer than a busy machine needs to end a request.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

pub struct Fixture {
    pub pool: PgPool,
    pub url: String,
    pub keys: Keys,
}

impl Fixture {
    pub async fn new() -> Self {
        let url = testkit::empty_database().await.url;
        let pool = PgPoolOptions::new().max_connections(4).connect(&url).await.expect("a connection");
        sqlx::raw_sql(SCHEMA).execute(&pool).await.expect("the table of keys");
        sqlx::raw_sql("create table changes (text text not null)").execute(&pool).await.expect("a table");
        Self { pool, url, keys: Keys::default().with_lock_timeout(LOCK_TIMEOUT) }
    }

    pub async fn changes(&self) -> Vec<String> {
        sqlx::query_scalar("select text from changes order by text").fetch_all(&self.pool).await.expect("the changes")
    }
}

/// Makes the change that the tests look for.
pub async fn change(connection: &mut PgConnection, text: &str) -> sqlx::Result<()> {
    sqlx::query("insert into changes (text) values ($1)").bind(text).execute(connection).await?;
    Ok(())
}

pub enum Store {
    Memory(MemoryKeys),
    Postgres(Box<Fixture>),
}

impl Store {
    /// Returns one store of each kind.
    pub async fn both() -> [Self; 2] {
        Self::both_with(LOCK_TIMEOUT).await
    }

    pub async fn both_with(lock_timeout: Duration) -> [Self; 2] {
        let mut fixture = Fixture::new().await;
        fixture.keys = fixture.keys.with_lock_timeout(lock_timeout);
        [Self::Memory(MemoryKeys::default().with_lock_timeout(lock_timeout)), Self::Postgres(Box::new(fixture))]
    }

    pub async fn once<T, E>(
        &self,
        key: &Key<'_>,
        request: &str,
        work: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<Response<T>, OnceError<E>>
    where
        T: Serialize + DeserializeOwned,
    {
        match self {
            Self::Memory(keys) => keys.once(key, request, work).await,
            Self::Postgres(fixture) => {
                let work = async move |_: &mut PgConnection| work().await;
                fixture.keys.once(&fixture.pool, key, request, work).await
            }
        }
    }

    pub async fn sweep(&self, age: Duration) -> u64 {
        match self {
            Self::Memory(keys) => keys.sweep(age),
            Self::Postgres(fixture) => fixture.keys.sweep(&fixture.pool, age).await.expect("a sweep"),
        }
    }

    /// Executes a request that returns this number, and asserts that it is not a repeat.
    pub async fn assert_is_free(&self, key: &Key<'_>) {
        let response = self.once(key, "pay", async || Ok::<_, String>(7)).await.expect("a response");
        assert_eq!(response, Response { value: 7, is_repeat: false });
    }
}
