//! Signed receipts: their chain, their keys, and the page that contains one.

use std::sync::Arc;

use console::{
    config::Config,
    model::{
        receipt_page::{PageDigests, split},
        signed_receipt::{Invalid, MEDIA_TYPE, Verified, page_of, read_key_set, verify},
    },
};
use futures::future::join_all;
use platform::{config::Settings, es256::PublicKey, ids};
use reqwest::Method;
use testkit::fetch;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, cookie, stored},
    shop::Shop,
};

const ONE: &str = include_str!("keys/one.pem");
const TWO: &str = include_str!("keys/two.pem");
const PUBLISHED: &str = include_str!("../../data/receipt_key.development.pem");

/// An order of a user, with its receipt.
struct Ordered {
    fixture: Fixture,
    order: Uuid,
    session: String,
}

impl Ordered {
    async fn new(shop: &Arc<Shop>) -> Self {
        let fixture = Fixture::operating(shop.clone()).await;
        let (order, user) = (ids::random(), ids::random());
        let session = fixture.iam.session(user);
        fixture.add(&[stored(order, user, 0)]).await;
        shop.add_receipt(order);
        Self { fixture, order, session }
    }

    async fn keys(&self) -> Vec<PublicKey> {
        let published = self.fixture.get("/console/.well-known/receipt-keys.json", "").await;
        assert_eq!(published.status, 200, "{}", published.text);
        read_key_set(published.text.as_bytes()).unwrap()
    }

    async fn jws(&self) -> String {
        let path = format!("/console/api/orders/{}/receipt", self.order);
        let request = self.fixture.request(Method::GET, &path).header("cookie", cookie(&self.session));
        let signed = fetch(request.header("accept", MEDIA_TYPE)).await;
        assert_eq!((signed.status, signed.header("content-type")), (200, MEDIA_TYPE), "{}", signed.text);
        signed.text
    }

    async fn receipt(&self) -> Verified {
        verify(&self.keys().await, &self.jws().await).unwrap()
    }
}

#[tokio::test]
async fn a_receipt_is_new_only_if_its_checks_changed_and_names_the_one_before() {
    let shop = Shop::with_letters(0);
    let ordered = Ordered::new(&shop).await;

    let first = ordered.receipt().await;
    assert_eq!((first.receipt.order_uuid, &first.receipt.previous), (ordered.order, &None));
    assert_eq!(first.receipt.version, console::SERVICE.version);
    assert_eq!(ordered.receipt().await, first);
    shop.set_receipt(ordered.order, "3 orders");
    let at_once = join_all((0..8).map(|_| ordered.receipt())).await;
    let second = ordered.receipt().await;
    assert_eq!(second.receipt.previous.as_ref(), Some(&first.digest));
    assert!(at_once.iter().all(|one| *one == second), "{at_once:#?}");
    shop.add_receipt(ordered.order);
    let third = ordered.receipt().await;

    assert_eq!(third.receipt.previous, Some(second.digest));
    assert_eq!(third.receipt.checks, first.receipt.checks);
    assert_ne!(third.digest, first.digest);
}

#[tokio::test]
async fn receipts_of_a_kept_key_stay_valid_and_those_of_a_removed_key_are_of_another() {
    let shop = Shop::with_letters(0);
    let mut ordered = Ordered::new(&shop).await;
    ordered.fixture.restart_with(&[("RECEIPT_KEY", ONE)]).await;
    let (first, old) = (ordered.receipt().await, ordered.jws().await);

    ordered.fixture.restart_with(&[("RECEIPT_KEY", TWO), ("RECEIPT_KEYS_OLD", &format!("{PUBLISHED}{ONE}"))]).await;
    let kept = ordered.keys().await;
    assert_eq!(kept.len(), 3);
    assert_eq!(verify(&kept, &old).unwrap(), first);
    let renewed = ordered.receipt().await;
    assert_eq!((&renewed.digest, renewed.kid == first.kid), (&first.digest, false), "the same receipt, signed anew");
    ordered.fixture.restart_with(&[("RECEIPT_KEYS_OLD", "")]).await;

    assert_eq!(verify(&ordered.keys().await, &old), Err(Invalid::OtherKey(first.kid)));
}

#[tokio::test]
async fn a_saved_page_has_its_receipt_whose_header_names_every_byte_of_the_page() {
    let shop = Shop::with_letters(0);
    let ordered = Ordered::new(&shop).await;

    // For its owner, the page needs the order service.
    let operator = ordered.fixture.iam.operator_session(ids::random());
    let saved = ordered.fixture.get(&format!("/console/api/orders/{}/export", ordered.order), &operator).await;

    assert_eq!(saved.status, 200, "{}", saved.text);
    let (page, jws) = split(&saved.text).unwrap();
    let verified = verify(&ordered.keys().await, jws).unwrap();
    assert_eq!(verified.receipt, ordered.receipt().await.receipt);
    assert_eq!(verified.page, Some(PageDigests::of(&page)));
    let altered = saved.text.replacen("2 orders", "2 0rders", 1);
    let (altered, jws) = split(&altered).unwrap();
    assert_ne!(page_of(jws), Some(PageDigests::of(&altered)));
}

#[tokio::test]
async fn production_needs_a_key_of_receipts_that_is_not_the_published_one() {
    let fixture = Fixture::start().await;
    let production = |settings: Settings| settings.with([("SHIPYARD_ENVIRONMENT", "production".to_owned())]);
    let without_marker = PUBLISHED.lines().skip(1).collect::<Vec<_>>().join("\n");
    let loaded = |key: &str, old: &str| {
        let keys = [("RECEIPT_KEY", key.to_owned()), ("RECEIPT_KEYS_OLD", old.to_owned())];
        Config::load(&production(fixture.settings.clone().with(keys)))
    };

    for (key, old, variable) in [
        ("", "", "RECEIPT_KEY"),
        (without_marker.as_str(), "", "RECEIPT_KEY"),
        (ONE, without_marker.as_str(), "RECEIPT_KEYS_OLD"),
        (ONE, "no key", "RECEIPT_KEYS_OLD"),
        (PUBLISHED, "", "SHIPYARD_ENVIRONMENT"),
    ] {
        let error = loaded(key, old).unwrap_err();
        assert_eq!(error.variable, variable, "{error}");
        assert!(!error.to_string().contains("MIG"), "{error}");
    }
    assert!(loaded(ONE, TWO).is_ok());
}
