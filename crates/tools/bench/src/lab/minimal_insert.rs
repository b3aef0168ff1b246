//! The minimal write, the reference for the cost of writes: inserts and commits one row.

use platform::{ids, postgres::Database};

/// An insert into the table `minimal`, through its own pool.
#[derive(Clone, Debug)]
pub struct Statement {
    pool: Database,
}

impl Statement {
    /// Creates the empty table and a pool for it.
    pub async fn new(pool: Database) -> anyhow::Result<Self> {
        sqlx::query("create table if not exists minimal (uuid uuid primary key, value bigint not null)")
            .execute(&pool)
            .await?;
        Ok(Self { pool })
    }

    pub async fn empty(&self) -> anyhow::Result<()> {
        sqlx::query("truncate minimal").execute(&self.pool).await?;
        Ok(())
    }

    pub async fn commit(&self) -> anyhow::Result<()> {
        let insert = sqlx::query("insert into minimal (uuid, value) values ($1, $2)");
        insert.bind(ids::ordered()).bind(1_i64).execute(&self.pool).await?;
        Ok(())
    }
}
