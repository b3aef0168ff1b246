//! The behaviour of one simulated customer.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    in_flight::{InFlight, Operation},
    order::Order,
    random::Random,
    request::Request,
    retrying_client::{Final, RetryingClient},
};

/// The maximum number of unfinished orders that a customer keeps rereading.
const MAX_UNFINISHED: usize = 8;

pub struct Customer {
    pub client: RetryingClient,
    pub in_flight: Arc<InFlight>,
    pub parts: Arc<[Uuid]>,
    /// The mean pause between two steps.
    pub pause: Duration,
    pub random: Random,
    /// Orders that are not final yet, oldest first.
    pub orders: VecDeque<Order>,
}

impl Customer {
    pub async fn live(mut self) {
        loop {
            if let Some(order) = self.create().await {
                self.visit(order).await;
            }
            self.look_back().await;
            match self.random.percent() {
                0..10 => self.list().await,
                10..13 => self.intrude().await,
                13..33 => self.reconnect(),
                _ => {}
            }
        }
    }

    async fn visit(&mut self, mut order: Order) {
        self.read(&mut order).await;
        match self.random.percent() {
            0..5 => self.race(&mut order).await,
            5..72 => self.pay(&mut order).await,
            72..91 => self.cancel(&mut order).await,
            // The order stays unpaid, and expires at the payment deadline.
            _ => {}
        }
        self.read(&mut order).await;
        self.keep(order);
    }

    async fn read(&mut self, order: &mut Order) {
        let (answer, _operation) = self.ask(&Request::read(order.uuid)).await;
        if let Final::Done(body) = answer
            && let Err(error) = order.check(&body)
        {
            self.client.journal.violation(format!("{error:#}"));
        }
    }

    async fn follow(&mut self, order: &mut Order) {
        let (answer, _operation) = self.ask(&Request::delivery(order.uuid)).await;
        if let Final::Done(body) = answer
            && let Err(error) = order.delivery.check(&body)
        {
            self.client.journal.violation(format!("the delivery of order {} is wrong: {error:#}: {body}", order.uuid));
        }
    }

    /// Reads the order that was read least recently, and its delivery.
    async fn look_back(&mut self) {
        if let Some(mut order) = self.orders.pop_front() {
            self.read(&mut order).await;
            if order.delivery.address.is_some() && order.paid.is_some() {
                self.follow(&mut order).await;
            }
            self.keep(order);
        }
    }

    fn keep(&mut self, order: Order) {
        if !order.has_ended() {
            self.orders.push_back(order);
        }
        if self.orders.len() > MAX_UNFINISHED {
            self.orders.pop_front();
        }
    }

    pub async fn list(&mut self) {
        let (answer, _operation) = self.ask(&Request::list()).await;
        let Final::Done(body) = answer else { return };
        let user = self.client.account.user.to_string();
        let own = |orders: &Vec<Value>| orders.iter().all(|order| order["user_uuid"] == user.as_str());
        if !body["orders"].as_array().is_some_and(own) {
            self.client.journal.violation(format!("GET /api/v1/orders of {user} answered {body}"));
        }
    }

    fn reconnect(&mut self) {
        if let Err(error) = self.client.reconnect() {
            tracing::warn!(error = format!("{error:#}"), "reconnecting failed; the customer keeps its connection");
        }
    }

    async fn intrude(&mut self) {
        self.rest().await;
        let operation = self.in_flight.begin("GET /api/v1/orders without a session").await;
        self.client.intrude(&Request::list(), &operation).await;
    }

    /// Sends a request after a pause. Retries some requests under the same key, which must yield the same response. The
    /// request counts as in flight until the caller drops the returned `Operation`.
    pub async fn ask(&mut self, request: &Request) -> (Final, Operation) {
        self.rest().await;
        let [first, second] = [self.random.fork(), self.random.fork()];
        let again = request.key.is_some() && self.random.percent() < 5;
        let operation = self.in_flight.begin(request.to_string()).await;
        let answer = self.client.ask(request, &operation, first).await;
        if again && let Final::Done(_) = answer {
            let repeated = self.client.ask(request, &operation, second).await;
            if repeated != answer {
                let sentence = format!("{request} answered {answer:?}, and to its repetition {repeated:?}");
                self.client.journal.violation(sentence);
            }
        }
        (answer, operation)
    }

    pub async fn rest(&mut self) {
        sleep(self.random.about(self.pause)).await;
    }
}
