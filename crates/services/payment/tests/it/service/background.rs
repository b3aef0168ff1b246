//! Tests of the background job: when it runs, and which provider it calls.

use std::sync::Arc;

use payment::{
    client::{MemoryProvider, Providers},
    model::{Method, ProviderName},
};
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use super::{Fixture, fixture};
use crate::{INITIAL_BALANCE, declines, money};

async fn work_for(fixture: &Fixture, time: Duration) {
    let end = CancellationToken::new();
    let ended = async {
        tokio::time::sleep(time).await;
        end.cancel();
    };
    tokio::join!(fixture.service.finish_payments(end.clone()), ended);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_order_is_refunded_at_once() {
    let fixture = fixture();
    fixture.pay().await.unwrap();
    let cancelled_meanwhile = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        fixture.cancel().await;
    };

    // 200 ms is less than the second after which the job polls by itself.
    tokio::join!(work_for(&fixture, Duration::from_millis(200)), cancelled_meanwhile);

    assert_eq!(fixture.movements(), (1, 1));
}

#[test]
fn balances_are_the_ledgers_and_other_methods_the_configured_providers() {
    let provider = || Arc::new(MemoryProvider::new(money(INITIAL_BALANCE), declines()));
    let (alone, both) = (Providers::new(provider(), None), Providers::new(provider(), Some(provider())));

    for method in [Method::Card, Method::Sbp, Method::CreditCard, Method::InvestorMoney] {
        let other = if method == Method::InvestorMoney { ProviderName::Ledger } else { ProviderName::Stripe };

        assert_eq!((alone.of(method), both.of(method)), (ProviderName::Ledger, other), "{method:?}");
    }
    assert!(alone.get(ProviderName::Ledger).is_ok() && both.get(ProviderName::Stripe).is_ok());
    assert!(alone.get(ProviderName::Stripe).is_err());
}
