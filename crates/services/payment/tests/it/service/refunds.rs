//! Nothing charged for an order that is cancelled, whatever the provider does.

use payment::{client::Fault, error::Error, model::Status};
use platform::auth::Caller;

use super::shop;
use crate::INITIAL;

#[tokio::test(start_paused = true)]
async fn a_cancelled_order_gets_back_what_it_was_charged_once() {
    let shop = shop();
    shop.pay().await.unwrap();

    shop.cancel().await;
    assert!(matches!(shop.status().await, Status::Refunding { .. }));
    shop.cancel().await;
    shop.wait().await;
    shop.service.refund(shop.charge.order).await.unwrap();

    assert!(matches!(shop.status().await, Status::Refunded { .. }));
    assert_eq!(shop.movements(), (1, 1));
    assert_eq!(shop.provider.balance(shop.charge.user), INITIAL);
}

#[tokio::test(start_paused = true)]
async fn a_refund_is_repeated_until_it_is_done() {
    for faults in [vec![Fault::Silent], vec![Fault::Broken; 5], vec![Fault::Twice]] {
        let shop = shop();
        shop.pay().await.unwrap();
        shop.provider.script(faults.clone());
        shop.cancel().await;

        shop.wait().await;
        shop.wait().await;

        assert!(matches!(shop.status().await, Status::Refunded { .. }), "{faults:?}");
        assert_eq!(shop.movements(), (1, 1), "{faults:?}");
        assert_eq!(shop.provider.balance(shop.charge.user), INITIAL, "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refund_that_is_asked_for_and_fails_is_done_in_the_background() {
    let shop = shop();
    shop.pay().await.unwrap();
    shop.cancel().await;
    shop.provider.script([Fault::Silent]);

    assert!(matches!(shop.service.refund(shop.charge.order).await, Err(Error::Unknown(_))));
    shop.wait().await;

    assert!(matches!(shop.status().await, Status::Refunded { .. }));
    assert_eq!(shop.movements(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_charged_for_an_order_that_is_cancelled() {
    let shop = shop();
    shop.cancel().await;
    shop.service.refund(shop.charge.order).await.unwrap();

    assert!(matches!(shop.pay().await, Err(Error::Cancelled)));
    assert!(matches!(shop.pay_again().await, Err(Error::Cancelled)));

    assert_eq!(shop.provider.requests(), 0);
    let found = shop.service.find(&Caller::Service("order".to_owned()), shop.charge.order).await;
    assert!(matches!(found, Err(Error::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn a_refund_needs_a_cancelled_order() {
    let shop = shop();
    let order = shop.charge.order;
    let refused = async || matches!(shop.service.refund(order).await, Err(Error::NotCancelled(uuid)) if uuid == order);

    assert!(refused().await, "nothing is known of the order");
    shop.pay().await.unwrap();
    assert!(refused().await, "the order is paid");
    shop.wait().await;

    assert!(matches!(shop.status().await, Status::Succeeded { .. }));
    assert_eq!(shop.movements(), (1, 0));
    shop.cancel().await;
    for _ in 0..2 {
        shop.service.refund(order).await.unwrap();
    }
    assert!(matches!(shop.status().await, Status::Refunded { .. }));
    assert_eq!(shop.movements(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_is_unknown_when_its_order_is_cancelled_is_settled_and_given_back() {
    for (fault, movements) in [(Fault::Silent, (1, 1)), (Fault::Broken, (1, 1))] {
        let shop = shop();
        shop.provider.script([fault]);
        assert!(shop.pay().await.is_err());

        shop.cancel().await;
        assert_eq!(shop.status().await, Status::Pending);
        shop.wait().await;

        assert!(matches!(shop.status().await, Status::Refunded { .. }), "{fault:?}");
        assert_eq!(shop.movements(), movements, "{fault:?}");
        assert!(matches!(shop.pay().await, Err(Error::Cancelled)), "{fault:?}");
        assert!(matches!(shop.pay_again().await, Err(Error::Cancelled)), "{fault:?}");
    }
}
