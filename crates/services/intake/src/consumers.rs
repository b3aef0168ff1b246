//! The consumed topics: orders of outside programs, and the ends of accounts.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::events::{ORDERS, Received, Subscription, UserErased, group};
use platform::{
    clock, error_chain,
    kafka::{Failure, Handler, Message},
};

use crate::{
    error::Error,
    metrics,
    repository::Written,
    service::{IntakeService, read},
};

pub fn all(service: &IntakeService) -> [Subscription; 2] {
    [Subscription::handled_by(&ORDERS, Arc::new(Orders::new(service.clone()))), user_erased(service.clone())]
}

/// Records per write.
const BATCH_SIZE: usize = 200;
/// Decoding yields to other tasks after this many records, so that connections and requests of this process need not
/// wait for the whole batch.
const RECORDS_PER_YIELD: usize = 16;

/// Returns why a record is not a valid order now, or `None` if it is.
pub fn order_problem(payload: &[u8]) -> Option<String> {
    read(payload, clock::now()).err().map(|broken| broken.to_string())
}

/// The topic `orders`, to which outside programs publish. The consumer stores records in batches; a record that breaks
/// a rule becomes a dead letter.
///
/// There is no inbox: the order's key identifies a redelivered record. Offsets are stored after the commit of their
/// batch.
pub struct Orders {
    service: IntakeService,
}

impl Orders {
    pub fn new(service: IntakeService) -> Self {
        Self { service }
    }
}

#[async_trait]
impl Handler for Orders {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let order = read(&message.payload, clock::now()).map_err(|broken| {
            metrics::orders("invalid", 1);
            Error::from(broken)
        })?;
        let written = self.service.take(&[Arc::new(order)]).await?;
        if written.contains(&Written::Reused) {
            metrics::orders("reused", 1);
            return Err(Error::Reused.into());
        }
        Ok(())
    }

    fn batch(&self) -> usize {
        BATCH_SIZE
    }

    /// Stores the valid records of a batch. Leaves records that cannot be read, or whose order_uid belongs to another
    /// order, to [`handle`](Self::handle); all records if the write fails.
    async fn handle_all(&self, messages: &[Message]) -> Vec<bool> {
        let now = clock::now();
        let mut handled = vec![false; messages.len()];
        let (mut places, mut orders) = (Vec::with_capacity(messages.len()), Vec::with_capacity(messages.len()));
        for (place, message) in messages.iter().enumerate() {
            if let Ok(order) = read(&message.payload, now) {
                places.push(place);
                orders.push(Arc::new(order));
            }
            if place % RECORDS_PER_YIELD == RECORDS_PER_YIELD - 1 {
                tokio::task::yield_now().await;
            }
        }
        match self.service.take(&orders).await {
            Ok(written) => {
                for (place, written) in places.into_iter().zip(written) {
                    handled[place] = written != Written::Reused;
                }
            }
            Err(error) => tracing::warn!(
                orders = orders.len(),
                error = error_chain(error),
                "a batch failed; its orders are stored one by one"
            ),
        }
        handled
    }
}

/// `UserErased`: erases the orders of a user whose account has ended, which have the user's uuid as `customer_id`.
pub fn user_erased(service: IntakeService) -> Subscription {
    Subscription::new(const { group::<UserErased>("intake") }, move |_, erased: Received<UserErased>| {
        let service = service.clone();
        async move {
            service.erase(&erased.subject.to_string()).await?;
            Ok(())
        }
    })
}
