//! How a customer orders, pays and cancels, and what must come of it.

use audit::facts::Answer;

use super::{customer::Customer, desk::Final, order::Order, requests::Request};
use client::response::uuid;

impl Customer {
    pub async fn create(&mut self) -> Option<Order> {
        let parts = self.chance.some_of(&self.parts);
        let request = Request::create(self.chance.key("create"), self.desk.account.user, &parts);
        let (answer, _ticket) = self.ask(&request).await;
        let Final::Done(body) = answer else { return None };
        match Order::created(&body, self.desk.account.user, parts) {
            Ok(order) => {
                self.desk.memory.acknowledge(order.uuid, Answer::Created);
                Some(order)
            }
            Err(error) => {
                self.desk.memory.surprise(format!("{request}: {error:#}"));
                None
            }
        }
    }

    /// Pays; once more when that is declined, and then cancels.
    pub async fn pay(&mut self, order: &mut Order) {
        for method in [self.chance.method(), "CARD"] {
            let request = Request::pay(self.chance.key("pay"), order.uuid, method);
            let (answer, _ticket) = self.ask(&request).await;
            self.paid(order, &request, &answer);
            if answer != Final::Declined {
                return;
            }
        }
        self.cancel(order).await;
    }

    pub async fn cancel(&mut self, order: &mut Order) {
        let request = Request::cancel(self.chance.key("cancel"), order.uuid);
        let (answer, _ticket) = self.ask(&request).await;
        self.cancelled(order, &answer);
    }

    /// Pays twice at once, under two keys or under one, or pays and cancels at once. One of them wins.
    pub async fn race(&mut self, order: &mut Order) {
        let pay = Request::pay(self.chance.key("pay"), order.uuid, self.chance.method());
        let other = match self.chance.percent() {
            0..33 => pay.clone(),
            33..66 => Request::pay(self.chance.key("pay"), order.uuid, "CARD"),
            _ => Request::cancel(self.chance.key("cancel"), order.uuid),
        };
        self.rest().await;
        let [first, second] = [self.chance.fork(), self.chance.fork()];
        let ticket = self.gate.enter(format!("{pay} at once with {other}")).await;
        let (first, second) = tokio::join!(self.desk.ask(&pay, &ticket, first), self.desk.ask(&other, &ticket, second));

        self.paid(order, &pay, &first);
        let repeated = other.key == pay.key;
        if repeated && first != second {
            self.desk.memory.surprise(format!("{pay} answered {first:?} and {second:?} to the same key"));
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
                    self.desk.memory.surprise(format!("{request} paid with {transaction} after {before} did"));
                }
                self.desk.memory.acknowledge(order.uuid, Answer::Paid { transaction });
            }
            Err(error) => self.desk.memory.surprise(format!("{request}: {error:#}")),
        }
    }

    fn cancelled(&self, order: &mut Order, answer: &Final) {
        order.refused |= *answer == Final::Refused;
        if let Final::Done(_) = answer {
            order.cancelled = true;
            if let Some(transaction) = order.paid {
                let order = order.uuid;
                self.desk.memory.surprise(format!("order {order} was cancelled, and paid with {transaction}"));
            }
            self.desk.memory.acknowledge(order.uuid, Answer::Cancelled);
        }
    }
}
