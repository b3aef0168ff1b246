//! One charge per order, whatever the provider does.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use payment::{
    client::{Fault, MemoryProvider, Provider, Providers, Refund, Unknown},
    error::Error,
    model::{Decline, Direct, Intent, Method, Outcome, Status},
    service::{Charge, PaymentService},
};
use platform::{auth::Caller, ids};
use uuid::Uuid;

use super::shop;
use crate::{INITIAL, LIMIT, declines, money};

#[tokio::test(start_paused = true)]
async fn a_payment_that_is_repeated_is_the_same_payment() {
    let shop = shop();

    let first = shop.pay().await.unwrap();
    let second = shop.pay().await.unwrap();

    assert_eq!(first, second);
    assert_eq!((shop.movements(), shop.provider.requests()), ((1, 0), 1));
}

#[tokio::test(start_paused = true)]
async fn an_order_is_charged_once_however_many_attempts_there_are() {
    let shop = shop();

    let first = shop.pay().await.unwrap();

    assert_eq!(shop.pay_again().await.unwrap(), first);
    assert_eq!(shop.movements(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_charge_whose_answer_is_lost_is_unknown_until_it_is_asked_again() {
    let shop = shop();
    shop.provider.script([Fault::Silent]);

    assert!(matches!(shop.pay().await, Err(Error::Unknown(_))));
    assert_eq!(shop.status().await, Status::Pending);
    assert!(matches!(shop.pay_again().await, Err(Error::InProgress)));
    shop.pay().await.unwrap();

    assert_eq!(shop.movements(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asks_again_is_settled_in_the_background() {
    for (fault, charges) in [(Fault::Silent, 1), (Fault::Broken, 1), (Fault::Twice, 1)] {
        let shop = shop();
        shop.provider.script([fault]);
        let _ = shop.pay().await;

        shop.wait().await;

        assert!(matches!(shop.status().await, Status::Succeeded { .. }), "{fault:?}");
        assert_eq!(shop.movements(), (charges, 0), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_a_payment_that_is_settled_all_the_same() {
    let shop = shop();
    shop.provider.script([Fault::Hung]);

    let gone = tokio::time::timeout(Duration::from_secs(3), shop.pay()).await;
    shop.wait().await;

    assert!(gone.is_err());
    assert!(matches!(shop.status().await, Status::Succeeded { .. }));
    assert_eq!(shop.movements(), (1, 0));
}

/// A provider that does not answer about some orders.
struct Hanging {
    provider: MemoryProvider,
    about: HashSet<Uuid>,
}

#[async_trait]
impl Provider for Hanging {
    async fn charge(&self, intent: &Intent) -> Result<Outcome, Unknown> {
        if self.about.contains(&intent.order) {
            std::future::pending::<()>().await;
        }
        self.provider.charge(intent).await
    }

    async fn find(&self, intent: &Intent) -> Result<Option<Outcome>, Unknown> {
        self.provider.find(intent).await
    }

    async fn refund(&self, refund: &Refund) -> Result<(), Unknown> {
        self.provider.refund(refund).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_charges_that_hang_hold_up_no_others() {
    const SOON: Duration = Duration::from_secs(4);
    let mut shop = shop();
    let mut about = HashSet::new();
    for number in 0..110 {
        let charge = Charge { order: ids::random(), method: Method::Card, ..shop.charge };
        // All are begun by requests that died, those that will hang first.
        shop.provider.script([Fault::Broken]);
        shop.service.pay(&charge, ids::random()).await.unwrap_err();
        tokio::time::advance(Duration::from_millis(1)).await;
        about.extend((number < 100).then_some(charge.order));
    }
    let hanging = Hanging { provider: shop.provider.clone(), about };
    shop.service = PaymentService::new(Arc::new(shop.payments.clone()), Providers::new(Arc::new(hanging), None));
    tokio::time::advance(Duration::from_secs(6)).await;

    shop.finish(SOON).await;

    assert_eq!(shop.movements(), (10, 0), "after {SOON:?}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_fails_again_and_again_is_asked_until_it_is_well() {
    let shop = shop();
    shop.provider.script([Fault::Broken; 5]);
    assert!(shop.pay().await.is_err());

    shop.wait().await;
    shop.wait().await;

    assert!(matches!(shop.status().await, Status::Succeeded { .. }));
    assert_eq!((shop.movements(), shop.provider.requests()), ((1, 0), 6));
}

#[tokio::test(start_paused = true)]
async fn a_decline_is_definite_and_another_attempt_may_follow() {
    let shop = shop();
    shop.provider.script([Fault::Decline(Decline::Declined)]);

    for _ in 0..2 {
        assert!(matches!(shop.pay().await, Err(Error::Declined(Decline::Declined))));
    }
    assert_eq!(shop.movements(), (0, 0));

    shop.pay_again().await.unwrap();
    assert!(matches!(shop.pay().await, Err(Error::Declined(Decline::Declined))));
    assert_eq!(shop.movements(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn too_low_a_balance_declines() {
    let mut shop = shop();
    shop.charge.amount = money(INITIAL + 1);

    assert!(matches!(shop.pay().await, Err(Error::Declined(Decline::InsufficientFunds))));

    assert_eq!(shop.provider.balance(shop.charge.user), INITIAL);
}

#[tokio::test(start_paused = true)]
async fn another_payment_under_the_same_attempt_is_refused() {
    let shop = shop();
    shop.pay().await.unwrap();
    let others = [
        (Charge { user: ids::random(), ..shop.charge }, "user_uuid"),
        (Charge { method: Method::Card, ..shop.charge }, "payment_method"),
        (Charge { amount: money(LIMIT), ..shop.charge }, "amount_minor"),
    ];

    for (other, field) in others {
        let refused = shop.service.pay(&other, ids::random()).await;

        assert!(matches!(refused, Err(Error::Differs(name)) if name == field), "{refused:?}");
    }
    assert_eq!(shop.movements(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_direct_payment_charges_nothing_and_pays_no_order() {
    let shop = shop();
    let Charge { order, user, method, .. } = shop.charge;
    let direct = |transaction| Direct { transaction, order, user, method };
    let first = ids::random();

    assert_eq!(shop.service.pay_directly(&direct(first)).await.unwrap(), first);
    assert_eq!(shop.service.pay_directly(&direct(ids::random())).await.unwrap(), first);

    assert_eq!(shop.provider.requests(), 0);
    assert_ne!(shop.pay().await.unwrap(), first);
    assert_eq!(shop.movements(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_its_users_and_the_services_to_see() {
    let shop = shop();
    let transaction = shop.pay().await.unwrap();
    let order = shop.charge.order;

    for caller in [Caller::User(shop.charge.user), Caller::Service("order".to_owned())] {
        assert_eq!(shop.service.find(&caller, order).await.unwrap().intent.transaction, transaction);
    }
    let another = shop.service.find(&Caller::User(ids::random()), order).await;
    assert!(matches!(another, Err(Error::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn a_payment_stays_with_the_provider_where_it_was_begun() {
    let mut shop = shop();
    shop.charge.method = Method::Card;
    let stripe = MemoryProvider::new(money(INITIAL), declines());
    stripe.script([Fault::Silent]);
    let both = Providers::new(Arc::new(shop.provider.clone()), Some(Arc::new(stripe.clone())));
    let with_stripe = PaymentService::new(Arc::new(shop.payments.clone()), both);
    assert!(with_stripe.pay(&shop.charge, ids::random()).await.is_err());

    assert!(matches!(shop.pay().await, Err(Error::Unknown(_))));
    with_stripe.pay(&shop.charge, ids::random()).await.unwrap();

    assert_eq!((stripe.movements().len(), shop.movements()), (1, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_payment_whose_outcome_is_known_is_answered_without_its_provider() {
    let mut shop = shop();
    shop.charge.method = Method::Card;
    let stripe = Arc::new(MemoryProvider::new(money(INITIAL), declines()));
    let both = Providers::new(Arc::new(shop.provider.clone()), Some(stripe));
    let with_stripe = PaymentService::new(Arc::new(shop.payments.clone()), both);
    let transaction = with_stripe.pay(&shop.charge, ids::random()).await.unwrap();

    let without_stripe = shop.pay().await;

    assert_eq!(without_stripe.unwrap(), transaction);
}
