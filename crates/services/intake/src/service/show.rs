//! Shows an order from the cache or else from the database.

use std::sync::Arc;

use super::{IntakeService, LOOKUP_TIMEOUT};
use crate::{
    error::Error,
    metrics,
    model::{Order, OrderUid},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Cache,
    Database,
}

pub type Shown = (Arc<Order>, Source);

impl IntakeService {
    /// Finds an order by its uid. An invalid uid is not looked up. An order in the cache needs no slot for a look-up.
    pub async fn show(&self, uid: &str) -> Result<Shown, Error> {
        let uid = OrderUid::new(uid).ok_or(Error::NotFound)?;
        let cached = self.cache.get(&uid);
        metrics::looked_up(cached.is_some());
        if let Some(order) = cached {
            return Ok((order, Source::Cache));
        }
        let _slot = self.lookups.take().ok_or(Error::TooManyLookups)?;
        let found =
            tokio::time::timeout(LOOKUP_TIMEOUT, self.orders.find(&uid)).await.map_err(|_| Error::TooSlow)??;
        let order = Arc::new(found.ok_or(Error::NotFound)?);
        self.cache.add([order.clone()]);
        Ok((order, Source::Database))
    }
}
