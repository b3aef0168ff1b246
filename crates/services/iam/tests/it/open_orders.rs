//! An order service that answers as a test says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
use iam::client;
use platform::grpc::Unavailable;

type Answer = Result<(Vec<OrderId>, u32), Unavailable>;

/// The answers to the next calls; afterwards no order is open. Clones share them.
#[derive(Clone, Default)]
pub struct OpenOrders(Arc<Mutex<VecDeque<Answer>>>);

impl OpenOrders {
    pub fn will_answer(&self, answer: Answer) {
        self.0.lock().unwrap().push_back(answer);
    }
}

#[async_trait]
impl client::OpenOrders for OpenOrders {
    async fn of(&self, _: UserId) -> Answer {
        self.0.lock().unwrap().pop_front().unwrap_or(Ok((Vec::new(), 0)))
    }
}
