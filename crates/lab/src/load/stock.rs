//! The stock that a run's orders take. If the service key is known, the stock is added before each measurement.

use anyhow::Context as _;
use drive::load::{Crowd, Plan};
use operations::restock::{self, restock};
use platform::{
    config::{ConfigError, Settings},
    ids,
    tls::{self, Tls},
};
use secrecy::SecretString;
use shipyard::data::Data;

/// The maximum quantity per part that the inventory service adds in one call.
const MAX_ADDED: i64 = 1_000_000;

pub struct Stock {
    address: String,
    key: Option<SecretString>,
    tls: Option<Tls>,
    /// The stock of the scarcest part; `None` before the first measurement.
    left: Option<u64>,
}

/// This program's certificate. With TLS_CA_FILE alone there is none, and the program calls addresses over TLS without
/// one, as users do.
fn certificate(settings: &Settings) -> Result<Option<Tls>, ConfigError> {
    if settings.get(tls::KEY).is_none() && settings.get(tls::CERTIFICATE).is_none() {
        return Ok(None);
    }
    tls::Config::load(settings)?.map(Tls::load).transpose()
}

impl Stock {
    pub fn new(settings: &Settings, inventory: &str, data: &Data) -> anyhow::Result<Self> {
        let (key, tls) = (data.service_key(settings).map(Into::into), certificate(settings)?);
        Ok(Self { address: restock::address(settings, inventory), key, tls, left: None })
    }

    /// Adds the missing stock that `plan` takes. Prints the reason if that is impossible.
    pub async fn provide(&mut self, crowd: &Crowd, plan: &Plan) -> anyhow::Result<()> {
        let needed = plan.stock(crowd.users(), crowd.parts().len());
        let left = self.left.unwrap_or_else(|| u64::try_from(crowd.stock()).unwrap_or(0));
        self.left = Some(left.max(needed) - needed);
        let mut missing = i64::try_from(needed.saturating_sub(left))?;
        if missing > 0 && self.key.is_none() && self.tls.is_none() {
            eprintln!(
                "{left} of a part are in stock and up to {needed} are ordered: orders beyond that fail with OUT_OF_STOCK"
            );
            return Ok(());
        }
        while missing > 0 {
            let quantity = missing.min(MAX_ADDED);
            let added =
                restock(&self.address, self.key.as_ref(), self.tls.as_ref(), None, quantity, ids::random()).await;
            added.context("adding stock")?;
            missing -= quantity;
        }
        Ok(())
    }
}
