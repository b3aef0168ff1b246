//! The receipt of an order, which operations makes.

use platform::ids;
use serde_json::json;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, stored},
    shop::Shop,
};

#[tokio::test]
async fn a_receipt_has_the_checks_of_operations_and_is_empty_for_an_order_that_is_gone() {
    let shop = Shop::with_letters(0);
    let fixture = Fixture::operating(shop.clone()).await;
    let (order, gone, user) = (ids::random(), ids::random(), ids::random());
    let session = fixture.iam.session(user);
    fixture.add(&[stored(order, user, 0), stored(gone, user, 1)]).await;
    shop.add_receipt(order);
    let receipt = async |order: Uuid| fixture.get(&format!("/console/api/orders/{order}/receipt"), &session).await;

    let check = json!({
        "invariant": "1", "text": "each order is charged once", "state": "held", "evidence": ["2 orders"],
    });
    assert_eq!(receipt(order).await.json(), json!({ "checks": [check] }));
    let gone = receipt(gone).await;
    assert_eq!((gone.status, gone.json()), (200, json!({ "checks": [] })));
    let page = fixture.get(&format!("/console/orders/{order}/receipt"), &session).await;
    assert!(page.text.contains("All 1 promises held"), "{}", page.text);
}

#[tokio::test]
async fn without_operations_there_is_no_receipt_and_the_page_says_so() {
    let fixture = Fixture::start().await;
    let (order, user) = (ids::random(), ids::random());
    let session = fixture.iam.session(user);
    fixture.add(&[stored(order, user, 0)]).await;

    for path in ["receipt", "export"] {
        let refused = fixture.get(&format!("/console/api/orders/{order}/{path}"), &session).await;
        assert_eq!(refused.code(), (503, "DEPENDENCY_UNAVAILABLE".to_owned()));
        assert_eq!(refused.json()["message"], "the receipt cannot be made now");
    }
    let page = fixture.get(&format!("/console/orders/{order}/receipt"), &session).await;
    assert!(page.text.contains("the receipt cannot be made now"), "{}", page.text);
}
