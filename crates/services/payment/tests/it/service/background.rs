//! What is worked off behind the callers' backs: when it begins, and how much at once.

use std::sync::Arc;

use payment::{
    client::{Fault, MemoryProvider, Providers},
    model::{Method, ProviderName},
};
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use super::{Shop, shop};
use crate::{INITIAL, declines, money};

/// Lets the background work for so long.
async fn work_for(shop: &Shop, time: Duration) {
    let end = CancellationToken::new();
    let ended = async {
        tokio::time::sleep(time).await;
        end.cancel();
    };
    tokio::join!(shop.service.finish_due(end.clone()), ended);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_order_is_refunded_at_once() {
    let shop = shop();
    shop.pay().await.unwrap();
    let cancelled_meanwhile = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        shop.cancel().await;
    };

    // Sooner than the background looks for what is due by itself, every second.
    tokio::join!(work_for(&shop, Duration::from_millis(200)), cancelled_meanwhile);

    assert_eq!(shop.movements(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_charge_of_a_cancelled_order_that_becomes_known_is_refunded() {
    let shop = shop();
    shop.provider.script([Fault::Silent]);
    shop.pay().await.unwrap_err();
    shop.cancel().await;

    work_for(&shop, Duration::from_secs(10)).await;

    assert_eq!(shop.movements(), (1, 1));
}

#[test]
fn balances_are_the_ledgers_and_all_else_is_another_providers_where_there_is_one() {
    let provider = || Arc::new(MemoryProvider::new(money(INITIAL), declines()));
    let (alone, both) = (Providers::new(provider(), None), Providers::new(provider(), Some(provider())));

    for method in [Method::Card, Method::Sbp, Method::CreditCard, Method::InvestorMoney] {
        let other = if method == Method::InvestorMoney { ProviderName::Ledger } else { ProviderName::Stripe };

        assert_eq!((alone.of(method), both.of(method)), (ProviderName::Ledger, other), "{method:?}");
    }
    assert!(alone.get(ProviderName::Ledger).is_ok() && both.get(ProviderName::Stripe).is_ok());
    assert!(alone.get(ProviderName::Stripe).is_err());
}
