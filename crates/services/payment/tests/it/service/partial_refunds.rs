//! Tests that a part of a charge is given back once, under every fault of the provider, and the rest when the order is
//! cancelled.

use payment::{
    client::ScriptedFault,
    error::Error,
    model::{MAX_PARTIAL_REFUNDS, RefundRefusal, Status},
    repository::Refunds as _,
};

use super::{Fixture, fixture};
use crate::{INITIAL_BALANCE, part};

const PRICE: i64 = 1000;

impl Fixture {
    /// Gives back a part. Returns true if the refund is made.
    async fn give_back(&self, reference: &str, minor: i64) -> Result<bool, Error> {
        Ok(self.service.refund_partially(&part(self.charge.order, reference, minor)).await?.is_made)
    }

    fn balance(&self) -> i64 {
        self.provider.balance(self.charge.user)
    }
}

#[tokio::test(start_paused = true)]
async fn one_partial_refund_too_many_is_refused() {
    let fixture = fixture();
    fixture.pay().await.unwrap();
    for number in 0..MAX_PARTIAL_REFUNDS {
        fixture.give_back(&number.to_string(), 1).await.unwrap();
    }

    assert!(matches!(fixture.give_back("more", 1).await, Err(Error::NotRefunded(RefundRefusal::TooMany))));
}

#[tokio::test(start_paused = true)]
async fn only_a_charge_that_stands_is_given_back() {
    let fixture = fixture();
    assert!(matches!(fixture.give_back("early", 1).await, Err(Error::NotFound)));
    fixture.provider.script([ScriptedFault::Broken]);
    fixture.pay().await.unwrap_err();
    assert!(matches!(fixture.give_back("early", 1).await, Err(Error::NotRefunded(RefundRefusal::NotCharged))));
    fixture.wait().await;

    fixture.cancel().await;

    assert!(matches!(fixture.give_back("late", 1).await, Err(Error::NotRefunded(RefundRefusal::NotCharged))));
    fixture.wait().await;
    assert_eq!(fixture.movements(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_part_is_requested_until_it_is_made() {
    for faults in [
        vec![ScriptedFault::Silent],
        vec![ScriptedFault::Broken; 4],
        vec![ScriptedFault::Slow],
        vec![ScriptedFault::Failing, ScriptedFault::Failing],
    ] {
        let fixture = fixture();
        fixture.pay().await.unwrap();
        fixture.provider.script(faults.clone());

        assert!(!fixture.give_back("late", 300).await.unwrap(), "{faults:?}");
        fixture.wait().await;
        fixture.wait().await;

        assert!(fixture.give_back("late", 300).await.unwrap(), "{faults:?}");
        assert_eq!(fixture.movements(), (1, 1), "{faults:?}");
        assert_eq!(fixture.balance(), INITIAL_BALANCE - PRICE + 300, "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_order_gets_back_the_rest() {
    for parts in [vec![300], vec![300, 400], vec![PRICE], vec![999, 1]] {
        let fixture = fixture();
        fixture.pay().await.unwrap();
        for (number, minor) in parts.iter().enumerate() {
            fixture.give_back(&number.to_string(), *minor).await.unwrap();
        }

        fixture.cancel().await;
        fixture.wait().await;

        assert!(matches!(fixture.status().await, Status::Refunded { .. }), "{parts:?}");
        let rest = usize::from(parts.iter().sum::<i64>() < PRICE);
        assert_eq!(fixture.movements(), (1, parts.len() + rest), "{parts:?}");
        assert_eq!(fixture.balance(), INITIAL_BALANCE, "{parts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_not_made_when_its_order_is_cancelled_is_made_beside_the_rest() {
    let fixture = fixture();
    fixture.pay().await.unwrap();
    fixture.provider.script([ScriptedFault::Broken, ScriptedFault::Silent, ScriptedFault::Twice]);
    assert!(!fixture.give_back("late", 300).await.unwrap());

    fixture.cancel().await;
    fixture.wait().await;

    assert!(fixture.give_back("late", 300).await.unwrap());
    assert_eq!(fixture.movements(), (1, 2));
    assert_eq!(fixture.balance(), INITIAL_BALANCE);
    let made = fixture.payments.all_partial_refunds();
    assert!(made.iter().all(payment::model::RecordedRefund::is_made));
    assert!(fixture.payments.due_refunds(10).await.unwrap().is_empty());
}
