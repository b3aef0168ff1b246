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

use super::{Arguments, Progress};

/// The maximum quantity per part that the inventory service adds in one call.
const MAX_ADDED: i64 = 1_000_000;

pub struct Stock {
    users: usize,
    kinds: usize,
    /// The stock of the scarcest part.
    left: u64,
    supply: Option<Supply>,
    /// True once the message about adding stock was printed, which the later steps of a search do not repeat.
    is_said: bool,
}

struct Supply {
    address: String,
    key: Option<SecretString>,
    tls: Option<Tls>,
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
    pub fn new(crowd: &Crowd, arguments: &Arguments, settings: &Settings, data: &Data) -> anyhow::Result<Self> {
        let key = data.service_key(settings).map(Into::into);
        let tls = certificate(settings)?;
        let supply = if arguments.no_restock || key.is_none() && tls.is_none() {
            None
        } else {
            let address = restock::address(settings, &arguments.options(settings)?.addresses.inventory);
            Some(Supply { address, key, tls })
        };
        let left = u64::try_from(crowd.stock()).unwrap_or(0);
        Ok(Self { users: crowd.users(), kinds: crowd.parts().len(), left, supply, is_said: false })
    }

    /// Adds the missing stock that `plan` takes. Prints the reason if that is impossible.
    pub async fn provide(&mut self, plan: &Plan, progress: &Progress) -> anyhow::Result<()> {
        let needed = plan.stock(self.users, self.kinds);
        if needed > self.left {
            let missing = i64::try_from(needed - self.left)?;
            let said = match &self.supply {
                Some(Supply { address, key, tls }) => {
                    let mut left = missing;
                    while left > 0 {
                        let quantity = left.min(MAX_ADDED);
                        let added = restock(address, key.as_ref(), tls.as_ref(), None, quantity, ids::random()).await;
                        added.context("--no-restock leaves the stock as it is")?;
                        left -= quantity;
                    }
                    self.left = needed;
                    format!("added {missing} of each part")
                }
                None => format!(
                    "{} of a part are in stock and up to {needed} are ordered: orders beyond that fail with OUT_OF_STOCK",
                    self.left
                ),
            };
            if !std::mem::replace(&mut self.is_said, true) {
                progress.note(&said);
            }
        }
        self.left = self.left.saturating_sub(needed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_alone_makes_this_program_no_service_and_is_no_error() {
        let settings = |variables: &[&str]| {
            Settings::from_variables(variables.iter().map(|name| (*name, "/no/such/file".to_owned())))
        };

        assert!(certificate(&settings(&[tls::CA])).unwrap().is_none());
        assert_eq!(certificate(&settings(&[tls::CA, tls::KEY])).err().unwrap().variable, tls::CERTIFICATE);
    }
}
