//! Storage in PostgreSQL: the log of operators' actions, the long ones that run or have ended, and the resolved dead
//! letters.

mod actions;
pub mod resolved_letters;
mod work;

pub use actions::{Action, PgActions};
use sqlx::migrate::Migrator;
pub use work::{Ended, Now, PgWork, Run};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/operations");
