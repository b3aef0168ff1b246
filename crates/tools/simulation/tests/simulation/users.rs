//! The load: users who buy, pay, cancel, and retry each request until they get a response.

use std::{sync::Arc, time::Duration};

use audit::facts::{Acknowledged, Answer};
use contracts::ids::{OrderId, PartId, UserId};
use order::{
    error::{Error, OrderRefusal},
    model::{Claim, DeliveryAddress, NewOrder, PaymentMethod, RequestOutcome},
    service::OrderService,
};
use platform::{deadline, http::REQUEST_TIMEOUT, postgres::DatabaseError};
use rand::RngExt as _;
use uuid::Uuid;

use crate::network::said;
use crate::world::{Name, Serves, World, locked};

/// The delivery address of all ships.
pub const ADDRESS: &str = "Main Street 1";
/// A user sends a request this many times before giving up.
const MAX_TRIES: u32 = 60;

pub struct User {
    pub world: Arc<World>,
    pub number: u32,
    pub uuid: Uuid,
}

#[derive(Clone, Debug)]
enum Wish {
    /// Creates an order of these parts, with an address if true.
    Create(Vec<PartId>, bool),
    Pay(OrderId, PaymentMethod),
    Cancel(OrderId),
}

impl User {
    pub async fn shop(self) {
        for number in 0..self.world.plan.orders {
            let gap = u64::from(self.world.plan.seconds * 1000 / self.world.plan.orders);
            tokio::time::sleep(self.world.millis(0, gap)).await;
            self.order(number).await;
        }
    }

    async fn order(&self, number: u32) {
        let Some(Ok(RequestOutcome::Created { order, .. })) =
            self.insist(number, "create", Wish::Create(self.parts(), self.world.chance(0.5))).await
        else {
            return;
        };
        tokio::time::sleep(self.world.millis(0, 3000)).await;
        let (pay, again, cancel) =
            (Wish::Pay(order, self.method()), Wish::Pay(order, self.method()), Wish::Cancel(order));
        match self.world.pick(|rng| rng.random_range(0..10)) {
            0..=3 => {
                self.insist(number, "pay", pay).await;
            }
            4 => {
                self.insist(number, "cancel", cancel).await;
            }
            5..=6 => {
                futures::join!(self.insist(number, "pay", pay), self.insist(number, "cancel", cancel));
            }
            7 => {
                futures::join!(self.insist(number, "pay", pay), self.insist(number, "pay again", again));
            }
            8 => {
                let late = async {
                    tokio::time::sleep(self.world.millis(0, 4000)).await;
                    self.insist(number, "cancel", cancel).await
                };
                futures::join!(self.insist(number, "pay", pay), self.insist(number, "pay again", again), late);
            }
            _ => {}
        }
    }

    fn parts(&self) -> Vec<PartId> {
        let known = &self.world.stores.parts;
        self.world.pick(|rng| {
            if self.world.plan.scarce {
                return vec![known[rng.random_range(0..2)].id];
            }
            let count = rng.random_range(1..=3);
            let mut part = || {
                if rng.random_bool(0.02) {
                    PartId::new(Uuid::nil())
                } else {
                    known[rng.random_range(0..known.len())].id
                }
            };
            (0..count).map(|_| part()).collect()
        })
    }

    fn method(&self) -> PaymentMethod {
        self.world.pick(|rng| PaymentMethod::ALL[rng.random_range(0..PaymentMethod::ALL.len())])
    }

    /// Retries the request until there is a definite response, mostly under an idempotency key.
    async fn insist(&self, number: u32, what: &str, wish: Wish) -> Option<Result<RequestOutcome, OrderRefusal>> {
        let key = self.world.chance(0.8).then(|| format!("{}-{number}-{what}", self.number));
        let fingerprint = format!("{wish:?}").into_bytes();
        let claim = key.map(|key| Claim { user: UserId::new(self.uuid), key, fingerprint, token: Uuid::nil() });
        let answer = self.ask(&wish, claim.as_ref()).await?;
        if let (Some(claim), true) = (&claim, self.world.chance(0.2)) {
            tokio::time::sleep(self.world.millis(0, 5000)).await;
            let replay = self.ask(&wish, Some(claim)).await;
            if replay.as_ref().is_some_and(|replay| *replay != answer) {
                self.complain(&format!("{wish:?} was answered {answer:?}, and then {replay:?}"));
            }
        }
        Some(answer)
    }

    async fn ask(&self, wish: &Wish, claim: Option<&Claim>) -> Option<Result<RequestOutcome, OrderRefusal>> {
        let world = &self.world;
        for _ in 0..MAX_TRIES {
            let answer = world
                .call(Name::Order, Serves::orders, REQUEST_TIMEOUT, |service| {
                    let claim = claim.map(|claim| Claim { token: world.uuid(), ..claim.clone() });
                    let (user, wish, order) = (UserId::new(self.uuid), wish.clone(), OrderId::new(world.uuid()));
                    async move { serve(service, user, wish, claim, order).await }
                })
                .await;
            world.note(format_args!("user {} is answered {} to {wish:?}", self.number, said(&answer)));
            match answer {
                Ok(Ok(outcome)) => {
                    self.remember(wish, &outcome);
                    return Some(Ok(outcome));
                }
                Ok(Err(Error::Refused(refusal))) => return Some(Err(refusal)),
                Ok(Err(
                    Error::Unavailable(..)
                    | Error::Database(DatabaseError::Unavailable(_))
                    | Error::PaymentInProgress
                    | Error::PaymentOutcomeUnknown
                    | Error::KeyInProgress,
                ))
                | Err(_) => {}
                Ok(Err(error)) => {
                    self.complain(&format!("{wish:?} was answered {error}"));
                    return None;
                }
            }
            // Without a key, the retry of a creation whose response was lost would create another order.
            if world.chance(0.03) || (claim.is_none() && matches!(wish, Wish::Create(..))) {
                world.note(format_args!("user {} gives up {wish:?}", self.number));
                return None;
            }
            tokio::time::sleep(world.millis(200, 2000)).await;
        }
        if world.healed() {
            self.complain(&format!("{wish:?} gets no definite answer"));
        }
        None
    }

    fn remember(&self, wish: &Wish, outcome: &RequestOutcome) {
        let (order, answer) = match (wish, outcome) {
            (Wish::Create(..), RequestOutcome::Created { order, .. }) => (*order, Answer::Created),
            (Wish::Pay(order, _), RequestOutcome::Paid { transaction }) => {
                (*order, Answer::Paid { transaction: transaction.uuid() })
            }
            (Wish::Cancel(order), RequestOutcome::Cancelled) => (*order, Answer::Cancelled),
            _ => return self.complain(&format!("{wish:?} was answered {outcome:?}")),
        };
        locked(&self.world.stores.acknowledged).push(Acknowledged { order: order.uuid(), answer });
    }

    fn complain(&self, problem: &str) {
        locked(&self.world.stores.problems).push(format!("user {}: {problem}", self.number));
    }
}

/// Handles a request like the API.
async fn serve(
    service: OrderService,
    user: UserId,
    wish: Wish,
    claim: Option<Claim>,
    order: OrderId,
) -> Result<RequestOutcome, Error> {
    let claim = claim.as_ref();
    let answer = async {
        match wish {
            Wish::Create(parts, deliver) => {
                let mut new = NewOrder::new(order, user, parts);
                new.delivery_address = deliver.then(|| DeliveryAddress::new(ADDRESS.to_owned()).expect("an address"));
                service.create(user, new, claim).await
            }
            Wish::Pay(order, method) => service.pay(user, order, method, claim).await,
            Wish::Cancel(order) => service.cancel(user, order, claim).await,
        }
    };
    let limit: Duration = deadline::remaining(REQUEST_TIMEOUT);
    tokio::time::timeout(limit, answer)
        .await
        .unwrap_or_else(|_| Err(Error::Unavailable("time", anyhow::anyhow!("the request took too long"))))
}
