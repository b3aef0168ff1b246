//! A cache of refused addresses, so that refusing them again needs no hash and no round trip.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::error::Error;

/// Known to this replica alone; the counts in Redis are shared by all. Expired entries are removed on each insertion. Clones share it.
#[derive(Clone, Default)]
pub struct LimitedAddresses {
    until: Arc<Mutex<HashMap<IpAddr, Instant>>>,
}

impl LimitedAddresses {
    /// Fails while `address` is refused.
    pub fn check(&self, address: IpAddr) -> Result<(), Error> {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        match until.get(&address) {
            Some(end) if *end > Instant::now() => Err(Error::TooManyAttempts),
            _ => Ok(()),
        }
    }

    /// Refuses `address` for this long.
    pub fn add(&self, address: IpAddr, time: Duration) {
        let now = Instant::now();
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.retain(|_, end| *end > now);
        until.insert(address, now + time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_address_is_refused_for_a_while() {
        let addresses = LimitedAddresses::default();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        addresses.add(one, Duration::from_secs(10));

        assert!(addresses.check(one).is_err());
        assert!(addresses.check(other).is_ok());
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert!(addresses.check(one).is_ok());
    }
}
