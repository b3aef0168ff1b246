//! An operator who refunds parts of charges, and retries each request until it gets a response.

use std::{sync::Arc, time::Duration};

use audit::facts;
use chrono::{DateTime, Utc};
use contracts::{ids::OrderId, money::Money};
use payment::{
    error::Error,
    model::{PartialRefund, PartialRefundStatus, Reference, RefundReason, RefundRefusal, Status},
};
use platform::auth::Author;
use rand::RngExt as _;

use crate::{
    network::said,
    world::{Name, Serves, World, locked},
};

const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// The operator sends a request this many times before giving up.
const MAX_TRIES: u32 = 60;

pub struct Operator(pub Arc<World>);

impl Operator {
    pub async fn live(self) {
        let count = self.0.pick(|rng| rng.random_range(1..=6));
        let gap = u64::from(self.0.plan.seconds) * 1000 / count;
        for number in 0..count {
            tokio::time::sleep(self.0.millis(0, gap)).await;
            // A reference identifies a refund only within its order, so other orders may use the same one.
            let reference = format!("refund {}", number % 3);
            if let Some(refund) = self.choose(&reference) {
                self.insist(&refund).await;
            }
        }
    }

    /// Chooses a charge, and an amount that may be too large.
    fn choose(&self, reference: &str) -> Option<PartialRefund> {
        let charges = self.0.stores.payments.all().into_iter();
        let charges: Vec<_> = charges.filter(|payment| matches!(payment.status, Status::Succeeded { .. })).collect();
        if charges.is_empty() {
            return None;
        }
        let (payment, minor) = self.0.pick(|rng| {
            let payment = &charges[rng.random_range(0..charges.len())];
            (payment, rng.random_range(1..=payment.intent.amount.minor()))
        });
        Some(PartialRefund {
            order: OrderId::new(payment.intent.order.uuid()),
            reference: Reference::new(reference).expect("a reference"),
            amount: Money::from_minor(minor).expect("money"),
            reason: RefundReason::Goodwill,
            decided_by: Author::part("simulation"),
        })
    }

    async fn insist(&self, refund: &PartialRefund) {
        let world = &self.0;
        for _ in 0..MAX_TRIES {
            let response = world
                .call(Name::Payment, Serves::payments, CALL_TIMEOUT, |service| {
                    let refund = refund.clone();
                    async move { service.refund_partially(&refund).await.map(|refunded| refunded.is_made) }
                })
                .await;
            let (order, minor) = (refund.order, refund.amount.minor());
            world.note(format_args!("the operator gets {} for giving back {minor} of {order}", said(&response)));
            match response {
                // The refund is recorded, the charge was refunded meanwhile, less of it is left, or the reference had
                // another amount.
                Ok(
                    Ok(_)
                    | Err(
                        Error::NotRefunded(RefundRefusal::NotCharged | RefundRefusal::TooLarge { .. })
                        | Error::AnotherRefund(_),
                    ),
                ) => return,
                Ok(Err(Error::Database(_) | Error::Unknown(_))) | Err(_) => {}
                Ok(Err(error)) => {
                    return locked(&world.stores.problems).push(format!("the operator got {error}"));
                }
            }
            tokio::time::sleep(world.millis(200, 2000)).await;
        }
        if world.healed() {
            locked(&world.stores.problems).push(format!("no definite response to {refund:?}"));
        }
    }
}

/// Returns the partial refunds in payment's store.
pub fn facts(world: &World, at: DateTime<Utc>) -> Vec<facts::PartialRefund> {
    let all = world.stores.payments.all_partial_refunds().into_iter();
    all.map(|recorded| facts::PartialRefund {
        refund: recorded.refund.id(),
        transaction: recorded.transaction.uuid(),
        amount: recorded.refund.amount.minor(),
        is_signed: true,
        is_made: recorded.is_made(),
        is_accepted: matches!(&recorded.status, PartialRefundStatus::Refunding(request) if request.reference.is_some()),
        created_at: at,
        requested_at: None,
    })
    .collect()
}

pub fn unfinished(world: &World) -> Option<String> {
    let open = world.stores.payments.all_partial_refunds().into_iter().find(|recorded| !recorded.is_made());
    open.map(|recorded| format!("the partial refund {} is not made", recorded.refund.id()))
}
