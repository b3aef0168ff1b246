//! The six services as the tools see them: a name, a database, its migrations.

use std::fmt;

use clap::ValueEnum;
use platform::{
    config::{ConfigError, Settings},
    postgres::Database,
};
use secrecy::SecretString;
use sqlx::migrate::Migrator;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Service {
    Iam,
    Inventory,
    Order,
    Payment,
    Assembly,
    Notification,
}

/// A tool needs few connections beside those of the services.
const CONNECTIONS: u32 = 2;

impl Service {
    pub const ALL: [Self; 6] =
        [Self::Iam, Self::Inventory, Self::Order, Self::Payment, Self::Assembly, Self::Notification];

    /// Also the name of its database where this program makes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Inventory => "inventory",
            Self::Order => "order",
            Self::Payment => "payment",
            Self::Assembly => "assembly",
            Self::Notification => "notification",
        }
    }

    /// One of its variables: `Order.variable("LISTEN")` is `ORDER_LISTEN`.
    pub fn variable(self, what: &str) -> String {
        format!("{}_{what}", self.name().to_uppercase())
    }

    /// Where it is found: where the settings say that others find it, or that it listens, or where it listens by default.
    pub fn address(self, settings: &Settings) -> String {
        let given = ["ADDRESS", "LISTEN"].into_iter().find_map(|what| settings.get(&self.variable(what)));
        let address = given.map_or_else(|| format!("127.0.0.1:{}", self.port()), str::to_owned);
        address.replace("0.0.0.0:", "127.0.0.1:")
    }

    /// The port on which it serves by default.
    pub const fn port(self) -> u16 {
        match self {
            Self::Iam => 50053,
            Self::Inventory => 50051,
            Self::Order => 8080,
            Self::Payment => 50052,
            Self::Assembly => 50054,
            Self::Notification => 50055,
        }
    }

    pub fn migrations(self) -> &'static Migrator {
        match self {
            Self::Iam => &iam::repository::MIGRATIONS,
            Self::Inventory => &inventory::repository::MIGRATIONS,
            Self::Order => &order::repository::MIGRATIONS,
            Self::Payment => &payment::repository::MIGRATIONS,
            Self::Assembly => &assembly::repository::MIGRATIONS,
            Self::Notification => &notification::repository::MIGRATIONS,
        }
    }

    /// A few connections to its database for a tool, made when they are used.
    pub fn pool(self, tool: &str, settings: &Settings) -> anyhow::Result<Database> {
        let variable = self.variable("DATABASE_URL");
        let url = settings.get(&variable).ok_or_else(|| ConfigError::new(&variable, "is not set"))?;
        Database::lazy(tool, &variable, &SecretString::from(url), CONNECTIONS)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
