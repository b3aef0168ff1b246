//! One operation of a user. Its user and parts follow from the seed; its order is chosen when it is sent.

use std::sync::Arc;

use rand::{Rng, RngExt as _, seq::index::sample};
use uuid::Uuid;

use super::{Crowd, Shared};
use crate::{account::Failure, load::mix::Kind};

pub(crate) struct Operation {
    pub kind: Kind,
    user: usize,
    parts: Vec<Uuid>,
    shared: Arc<Shared>,
}

impl Crowd {
    /// Creates an operation of this kind by a random user. A new order contains `parts` random parts.
    pub(crate) fn operation(&self, kind: Kind, parts: usize, rng: &mut impl Rng) -> Operation {
        let all = &self.shared.parts;
        let user = rng.random_range(0..self.users());
        let count = if matches!(kind, Kind::Create | Kind::Whole) { parts.min(all.len()) } else { 0 };
        let parts = sample(rng, all.len(), count).into_iter().map(|number| all[number]).collect();
        Operation { kind, user, parts, shared: self.shared.clone() }
    }
}

impl Operation {
    pub async fn send(self) -> Result<(), Failure> {
        let Shared { accounts, orders, .. } = &*self.shared;
        let account = &accounts[self.user];
        match self.kind {
            Kind::Create => {
                let user = orders.may_create(self.user).ok_or(UNSENT_CREATE)?;
                let order = accounts[user].create(&self.parts).await?;
                orders.add(user, order);
                Ok(())
            }
            Kind::Pay => {
                let (user, order) = orders.take().ok_or(UNSENT)?;
                accounts[user].pay(order).await?;
                orders.paid(user);
                Ok(())
            }
            Kind::Cancel => {
                let (user, order) = orders.take().ok_or(UNSENT)?;
                accounts[user].cancel(order).await
            }
            Kind::Get => {
                let order = orders.latest(self.user).ok_or(UNSENT_GET)?;
                account.get(order).await.map(|_| ())
            }
            Kind::List => account.list().await,
            Kind::Whoami => account.whoami().await,
            Kind::Parts => account.parts().await,
            Kind::Whole => account.whole(&self.parts).await,
        }
    }
}

const UNSENT_CREATE: Failure =
    Failure::Borrowed("not sent: every user has as many orders of a day that were never paid as are allowed");
const UNSENT: Failure = Failure::Borrowed("not sent: no order is left to pay or cancel");
const UNSENT_GET: Failure = Failure::Borrowed("not sent: the user has no order");
