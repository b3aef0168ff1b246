//! Tests that an order is charged at most once, under every fault of the provider, and that each end of an attempt
//! wakes the relay.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::{
    events::{Topics, topics_of},
    ids::{OrderId, UserId},
    money::Money,
};
use outbox::{Publisher, Record, Relay, Waker};
use payment::{
    client::{Balances, ChargeError, Lookup, MemoryProvider, Provider, Providers, Refund, ScriptedFault, Unknown},
    error::Error,
    model::{ChargeState, Credit, Intent, Method, ProviderName, RefundState, Status},
    service::Charge,
};
use platform::{
    auth::{Caller, User},
    ids,
    postgres::DatabaseError,
};
use testkit::{new_order, new_transaction, new_user};
use tokio_util::sync::CancellationToken;

use super::{Fixture, fixture, fixture_with, service_over};
use crate::{INITIAL_BALANCE, MAX_AMOUNT, declines, money};

#[tokio::test(start_paused = true)]
async fn every_attempt_of_an_order_charges_the_user_of_the_first() {
    let fixture = fixture();
    let first = Charge { amount: money(INITIAL_BALANCE + 1), ..fixture.charge };
    let declined = fixture.service.pay(&first, new_transaction()).await;
    assert!(matches!(declined, Err(Error::Declined(_))), "{declined:?}");
    let attempt = first.attempt.saturating_add(1);

    let other = Charge { attempt, user: new_user(), amount: money(1000), ..first };
    let refused = fixture.service.pay(&other, new_transaction()).await;
    let charged = fixture.service.pay(&Charge { attempt, amount: money(1000), ..first }, new_transaction()).await;

    assert!(matches!(refused, Err(Error::AnotherPayer)), "{refused:?}");
    charged.unwrap();
    assert_eq!(fixture.movements(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_charge_whose_response_is_lost_is_unknown_until_it_is_retried() {
    let fixture = fixture();
    fixture.provider.script([ScriptedFault::Silent]);

    assert!(matches!(fixture.pay().await, Err(Error::Unknown(_))));
    assert_eq!(fixture.status().await, Status::NEW);
    assert!(matches!(fixture.pay_again().await, Err(Error::InProgress)));
    fixture.pay().await.unwrap();

    assert_eq!(fixture.movements(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_settled_in_the_background() {
    for faults in [vec![ScriptedFault::Silent], vec![ScriptedFault::Twice], vec![ScriptedFault::Broken; 5]] {
        let fixture = fixture();
        fixture.provider.script(faults.clone());
        let _ = fixture.pay().await;

        fixture.wait().await;
        fixture.wait().await;

        assert!(matches!(fixture.status().await, Status::Succeeded { .. }), "{faults:?}");
        assert_eq!(fixture.movements(), (1, 0), "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_settled_after_its_caller_disconnects() {
    let fixture = fixture();
    fixture.provider.script([ScriptedFault::Hung]);

    let gone = tokio::time::timeout(Duration::from_secs(3), fixture.pay()).await;
    fixture.wait().await;

    assert!(gone.is_err());
    assert!(matches!(fixture.status().await, Status::Succeeded { .. }));
    assert_eq!(fixture.movements(), (1, 0));
}

/// A provider that never responds to charges of the orders in `about`.
struct Hanging {
    provider: MemoryProvider,
    about: HashSet<OrderId>,
}

#[async_trait]
impl Provider for Hanging {
    async fn charge(&self, intent: &Intent) -> Result<ChargeState, ChargeError> {
        if self.about.contains(&intent.order) {
            std::future::pending::<()>().await;
        }
        self.provider.charge(intent).await
    }

    async fn find(&self, intent: &Intent, reference: Option<&str>) -> Result<Lookup, Unknown> {
        self.provider.find(intent, reference).await
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundState, Unknown> {
        self.provider.refund(refund).await
    }
}

#[async_trait]
impl Balances for Hanging {
    async fn balance_of(&self, user: UserId) -> Result<Money, DatabaseError> {
        self.provider.balance_of(user).await
    }

    async fn credit(&self, credit: &Credit) -> Result<Option<Credit>, DatabaseError> {
        self.provider.credit(credit).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_charges_that_hang_hold_up_no_others() {
    const FINISH_TIMEOUT: Duration = Duration::from_secs(4);
    let mut fixture = fixture();
    let mut about = HashSet::new();
    for number in 0..110 {
        let charge = Charge { order: new_order(), method: Method::Card, ..fixture.charge };
        // The failed requests leave all payments pending. The provider will hang on the first hundred.
        fixture.provider.script([ScriptedFault::Broken]);
        fixture.service.pay(&charge, new_transaction()).await.unwrap_err();
        tokio::time::advance(Duration::from_millis(1)).await;
        about.extend((number < 100).then_some(charge.order));
    }
    let hanging = Hanging { provider: fixture.provider.clone(), about };
    fixture.service = service_over(&fixture.payments, Providers::new(Arc::new(hanging), None));
    tokio::time::advance(Duration::from_secs(6)).await;

    fixture.finish(FINISH_TIMEOUT).await;

    assert_eq!(fixture.movements(), (10, 0), "after {FINISH_TIMEOUT:?}");
}

#[tokio::test(start_paused = true)]
async fn another_payment_under_the_same_attempt_is_refused() {
    let fixture = fixture();
    fixture.pay().await.unwrap();
    let others = [
        (Charge { user: new_user(), ..fixture.charge }, "user_uuid"),
        (Charge { method: Method::Card, ..fixture.charge }, "payment_method"),
        (Charge { amount: money(MAX_AMOUNT), ..fixture.charge }, "amount_minor"),
    ];

    for (other, field) in others {
        let refused = fixture.service.pay(&other, new_transaction()).await;

        assert!(matches!(refused, Err(Error::Differs(name)) if name == field), "{refused:?}");
    }
    assert_eq!(fixture.movements(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_visible_to_its_user_and_to_services() {
    let fixture = fixture();
    let transaction = fixture.pay().await.unwrap();
    let order = fixture.charge.order;

    for caller in [Caller::User(User::plain(fixture.charge.user.uuid())), Caller::Service("order".to_owned())] {
        assert_eq!(fixture.service.find(&caller, order).await.unwrap().intent.transaction, transaction);
    }
    let another = fixture.service.find(&Caller::User(User::plain(ids::random())), order).await;
    assert!(matches!(another, Err(Error::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn a_payment_stays_with_the_provider_where_it_was_begun() {
    let mut fixture = fixture();
    fixture.charge.method = Method::Card;
    let stripe = MemoryProvider::new(money(INITIAL_BALANCE), declines());
    stripe.script([ScriptedFault::Silent]);
    let both = Providers::new(Arc::new(fixture.provider.clone()), Some(Arc::new(stripe.clone())));
    let with_stripe = service_over(&fixture.payments, both);
    assert!(with_stripe.pay(&fixture.charge, new_transaction()).await.is_err());

    assert!(matches!(fixture.pay().await, Err(Error::Unknown(_))));
    let transaction = with_stripe.pay(&fixture.charge, new_transaction()).await.unwrap();

    assert_eq!((stripe.movements().len(), fixture.movements()), (1, (0, 0)));
    assert_eq!(fixture.pay().await.unwrap(), transaction, "a known outcome needs no provider");
}

#[test]
fn the_ledger_keeps_balances_and_the_configured_provider_charges_other_methods() {
    let provider = || Arc::new(MemoryProvider::new(money(INITIAL_BALANCE), declines()));
    let (alone, both) = (Providers::new(provider(), None), Providers::new(provider(), Some(provider())));

    for method in [Method::Card, Method::Sbp, Method::CreditCard, Method::InvestorMoney] {
        let other = if method == Method::InvestorMoney { ProviderName::Ledger } else { ProviderName::Stripe };

        assert_eq!((alone.of(method), both.of(method)), (ProviderName::Ledger, other), "{method:?}");
    }
    assert!(alone.get(ProviderName::Ledger).is_ok() && both.get(ProviderName::Stripe).is_ok());
    assert!(alone.get(ProviderName::Stripe).is_err());
}

/// A broker that accepts every record.
struct Broker;

#[async_trait]
impl Publisher for Broker {
    async fn publish(&self, _: Vec<Record>) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Returns the number of published events after 100 ms. A relay that is not woken waits longer than that.
async fn published(fixture: &Fixture) -> usize {
    tokio::time::sleep(Duration::from_millis(100)).await;
    fixture.payments.outbox.events().iter().filter(|(_, published)| *published).count()
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_attempt_is_published_at_once() {
    let waker = Waker::default();
    let fixture = fixture_with(waker.clone());
    let topics = topics_of("payment", &Topics::default());
    let relay = Relay::new("payment", Arc::new(fixture.payments.outbox.clone()), Arc::new(Broker), topics, &waker);
    tokio::spawn(relay.run(CancellationToken::new()));
    let (voided, unknown) =
        (Charge { order: new_order(), ..fixture.charge }, Charge { order: new_order(), ..fixture.charge });

    fixture.pay().await.unwrap();
    assert_eq!(published(&fixture).await, 1, "charged");
    fixture.service.void(&voided, new_transaction()).await.unwrap();
    assert_eq!(published(&fixture).await, 2, "voided");
    fixture.provider.script([ScriptedFault::Silent]);
    fixture.service.pay(&unknown, new_transaction()).await.unwrap_err();
    assert_eq!(published(&fixture).await, 2, "unknown");
    fixture.service.pay(&unknown, new_transaction()).await.unwrap();
    assert_eq!(published(&fixture).await, 3, "became known");
    fixture.cancel().await;
    fixture.wait().await;
    assert_eq!(fixture.movements(), (2, 1), "refunded");
    assert_eq!(published(&fixture).await, 3, "refunded");
}
