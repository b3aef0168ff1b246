//! Inserts of one row, each with its commit.

use crate::{lab::Statement, sample::Work};

pub struct Insert(Statement);

impl Insert {
    pub fn workers(statement: &Statement, count: usize) -> Vec<Self> {
        (0..count).map(|_| Self(statement.clone())).collect()
    }
}

impl Work for Insert {
    async fn once(&mut self) -> anyhow::Result<()> {
        self.0.commit().await
    }
}

/// Several inserts one after another, each with its own pool and commit.
pub struct Path(Vec<Statement>);

impl Path {
    pub fn workers(statements: &[Statement], count: usize) -> Vec<Self> {
        (0..count).map(|_| Self(statements.to_vec())).collect()
    }
}

impl Work for Path {
    async fn once(&mut self) -> anyhow::Result<()> {
        for statement in &self.0 {
            statement.commit().await?;
        }
        Ok(())
    }
}
