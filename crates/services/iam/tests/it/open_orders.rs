//! An order service with the responses that a test chooses.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
use iam::client;
use platform::grpc::Unavailable;

type OfUser = Result<(Vec<OrderId>, u32), Unavailable>;

/// The responses to the next calls; afterwards no order is open. Clones share them.
#[derive(Clone, Default)]
pub struct OpenOrders(Arc<Mutex<VecDeque<OfUser>>>);

impl OpenOrders {
    pub fn will_respond(&self, response: OfUser) {
        self.0.lock().unwrap().push_back(response);
    }
}

#[async_trait]
impl client::OpenOrders for OpenOrders {
    async fn of(&self, _: UserId) -> OfUser {
        self.0.lock().unwrap().pop_front().unwrap_or(Ok((Vec::new(), 0)))
    }
}
