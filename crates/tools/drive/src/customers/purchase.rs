//! A customer's orders, payments and cancellations, and the effects of the responses.

use audit::facts::Answer;

use super::{customer::Customer, order::Order, request::Request, retrying_client::Final};
use client::response::uuid;

impl Customer {
    pub async fn create(&mut self) -> Option<Order> {
        let parts = self.random.some_of(&self.parts);
        let address = self.random.address();
        let request = Request::create(self.random.key("create"), self.client.account.user, &parts, address.as_deref());
        let (answer, _operation) = self.ask(&request).await;
        let Final::Done(body) = answer else { return None };
        match Order::created(&body, self.client.account.user, parts, address) {
            Ok(order) => {
                self.client.journal.acknowledge(order.uuid, Answer::Created);
                Some(order)
            }
            Err(error) => {
                self.client.journal.violation(format!("{request}: {error:#}"));
                None
            }
        }
    }

    /// Pays, retries once with a card if the payment is declined, and then cancels.
    pub async fn pay(&mut self, order: &mut Order) {
        for method in [self.random.method(), "CARD"] {
            let request = Request::pay(self.random.key("pay"), order.uuid, method);
            let (answer, _operation) = self.ask(&request).await;
            self.paid(order, &request, &answer);
            if answer != Final::Declined {
                return;
            }
        }
        self.cancel(order).await;
    }

    pub async fn cancel(&mut self, order: &mut Order) {
        let request = Request::cancel(self.random.key("cancel"), order.uuid);
        let (answer, _operation) = self.ask(&request).await;
        self.cancelled(order, &answer);
    }

    /// Sends two concurrent requests: two payments, under one key or two, or a payment and a cancellation. Only one may
    /// win.
    pub async fn race(&mut self, order: &mut Order) {
        let pay = Request::pay(self.random.key("pay"), order.uuid, self.random.method());
        let other = match self.random.percent() {
            0..33 => pay.clone(),
            33..66 => Request::pay(self.random.key("pay"), order.uuid, "CARD"),
            _ => Request::cancel(self.random.key("cancel"), order.uuid),
        };
        self.rest().await;
        let [first, second] = [self.random.fork(), self.random.fork()];
        let operation = self.in_flight.begin(format!("{pay} at once with {other}")).await;
        let (first, second) =
            tokio::join!(self.client.ask(&pay, &operation, first), self.client.ask(&other, &operation, second));

        self.paid(order, &pay, &first);
        let repeated = other.key == pay.key;
        if repeated && first != second {
            self.client.journal.violation(format!("{pay} answered {first:?} and {second:?} to the same key"));
        } else if !repeated && other.path == pay.path {
            self.paid(order, &other, &second);
        } else if !repeated {
            self.cancelled(order, &second);
        }
    }

    fn paid(&self, order: &mut Order, request: &Request, answer: &Final) {
        order.refused |= *answer == Final::Refused;
        let Final::Done(body) = answer else { return };
        match uuid(body, "transaction_uuid") {
            Ok(transaction) => {
                if let Some(before) = order.paid.replace(transaction) {
                    self.client.journal.violation(format!("{request} paid with {transaction} after {before} did"));
                }
                self.client.journal.acknowledge(order.uuid, Answer::Paid { transaction });
            }
            Err(error) => self.client.journal.violation(format!("{request}: {error:#}")),
        }
    }

    fn cancelled(&self, order: &mut Order, answer: &Final) {
        order.refused |= *answer == Final::Refused;
        if let Final::Done(_) = answer {
            order.cancelled = true;
            if let Some(transaction) = order.paid {
                let order = order.uuid;
                self.client.journal.violation(format!("order {order} was cancelled, and paid with {transaction}"));
            }
            self.client.journal.acknowledge(order.uuid, Answer::Cancelled);
        }
    }
}
