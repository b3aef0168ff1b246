//! The stand-in for Stripe: the behaviour that payment's own tests do not cover.

use reqwest::{Client, Response};
use serde_json::Value;
use stand_ins::{Entry, EntryKind, Mode, Provider, ProviderFault};
use uuid::Uuid;

use crate::{http::client, until};

const KEY: &str = "sk_test_key";
const ORDER: Uuid = Uuid::from_u128(1);

/// A client that pays for [`ORDER`].
#[derive(Clone)]
struct Shop {
    url: String,
    http: Client,
}

async fn start() -> (Provider, Shop) {
    let provider = Provider::start(KEY).await.unwrap();
    let shop = Shop { url: provider.url(), http: client() };
    (provider, shop)
}

impl Shop {
    async fn post(&self, path: &str, key: &str, form: &[(&str, &str)]) -> reqwest::Result<Response> {
        let request = self.http.post(format!("{}/v1/{path}", self.url)).bearer_auth(KEY);
        request.header("Idempotency-Key", key).form(form).send().await
    }

    async fn charge(&self, transaction: &str) -> Response {
        let order = ORDER.to_string();
        let metadata = [("metadata[order_uuid]", order.as_str()), ("metadata[transaction_uuid]", transaction)];
        let form = [&[("amount", "1000")], &metadata[..]].concat();
        self.post("payment_intents", transaction, &form).await.unwrap()
    }

    async fn refund(&self, key: &str, intent: &str) -> Response {
        self.post("refunds", key, &[("payment_intent", intent), ("amount", "1000")]).await.unwrap()
    }

    async fn search(&self, transaction: &str) -> Value {
        let query = ("query", format!("metadata['transaction_uuid']:'{transaction}'"));
        let mut url = reqwest::Url::parse(&format!("{}/v1/payment_intents/search", self.url)).unwrap();
        url.query_pairs_mut().append_pair(query.0, &query.1);
        self.http.get(url).bearer_auth(KEY).send().await.unwrap().json().await.unwrap()
    }
}

fn entry(key: &str, kind: EntryKind) -> Entry {
    Entry { key: key.to_owned(), kind, order: ORDER, amount: 1000 }
}

#[tokio::test]
async fn the_books_tell_charges_declines_and_refunds() {
    let (provider, shop) = start().await;
    shop.charge("good").await;
    shop.refund("back", "pi_1").await;
    provider.decline_above(999);
    assert_eq!(shop.charge("dear").await.status(), 402);
    assert_eq!(shop.refund("back-2", "pi_2").await.status(), 400);

    let entries = provider.entries();

    let expected = [("good", EntryKind::Charge), ("back", EntryKind::Refund), ("dear", EntryKind::Decline)];
    assert_eq!(entries, expected.map(|(key, kind)| entry(key, kind)));
    assert_eq!((provider.charges(ORDER), provider.refunds(ORDER)), (1, 1));
    assert_eq!(provider.posts().len(), 4);
}

#[tokio::test]
async fn a_charge_that_is_withheld_is_done_and_answered_on_release() {
    let (provider, shop) = start().await;
    provider.script([ProviderFault::Withheld]);
    let patient = shop.clone();
    let charge = tokio::spawn(async move { patient.charge("held").await.status() });
    until(|| provider.withheld() == 1).await;

    assert_eq!(provider.entries(), [entry("held", EntryKind::Charge)]);
    assert_eq!(shop.search("held").await["data"][0]["status"], "succeeded");
    assert!(!charge.is_finished());
    provider.release();

    assert_eq!(provider.withheld(), 0);
    assert_eq!(charge.await.unwrap(), 200);
}

#[tokio::test]
async fn nothing_is_withheld_from_a_caller_that_is_gone() {
    let (provider, shop) = start().await;
    provider.be(Mode::Charging(ProviderFault::Withheld));
    let charge = tokio::spawn(async move { shop.charge("held").await });
    until(|| provider.withheld() == 1).await;

    charge.abort();

    until(|| provider.withheld() == 0).await;
    assert_eq!(provider.charges(ORDER), 1);
}

#[tokio::test]
async fn a_mode_meets_each_new_charge_until_it_ends() {
    let (provider, shop) = start().await;
    provider.be(Mode::Charging(ProviderFault::Status(500)));
    for _ in 0..2 {
        assert_eq!(shop.charge("one").await.status(), 500);
    }
    assert_eq!(provider.entries(), []);

    provider.be(Mode::Well);

    assert_eq!(shop.charge("one").await.status(), 200);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_given_again_to_who_asks_again() {
    let (provider, shop) = start().await;
    provider.be(Mode::Duplicating);
    let order = ORDER.to_string();
    let form = [("amount", "1000"), ("metadata[order_uuid]", &order), ("metadata[transaction_uuid]", "twice")];

    let lost = async { shop.post("payment_intents", "twice", &form).await?.error_for_status()?.text().await }.await;
    let answer = shop.charge("twice").await;

    assert!(lost.is_err());
    assert_eq!(answer.headers()["Idempotent-Replayed"], "true");
    assert_eq!(answer.json::<Value>().await.unwrap()["id"], "pi_1");
    assert_eq!((provider.faults_met(), provider.replayed(), provider.charges(ORDER)), (1, 1, 1));
}

#[tokio::test]
async fn the_search_finds_a_duplicate_when_it_has_caught_up() {
    let (provider, shop) = start().await;
    shop.charge("late").await;
    provider.be(Mode::Duplicating);
    assert_eq!(shop.search("late").await["data"].as_array().map(Vec::len), Some(0));

    provider.be(Mode::Well);

    assert_eq!(shop.search("late").await["data"][0]["status"], "succeeded");
}

#[tokio::test]
async fn each_refund_comes_late_by_itself() {
    let (provider, shop) = start().await;
    shop.charge("one").await;
    shop.charge("two").await;
    provider.be(Mode::RefundingLate(2));

    for _ in 0..2 {
        assert_eq!(shop.refund("back-1", "pi_1").await.status(), 500);
        assert_eq!(shop.refund("back-2", "pi_2").await.status(), 500);
    }

    assert_eq!(provider.refunds(ORDER), 0);
    assert_eq!(shop.refund("back-1", "pi_1").await.status(), 200);
    assert_eq!(shop.refund("back-2", "pi_2").await.status(), 200);
    assert_eq!((provider.refunds(ORDER), provider.faults_met()), (2, 4));
}

#[tokio::test]
async fn a_key_is_of_one_request_alone() {
    let (provider, shop) = start().await;
    shop.charge("one").await;

    let other = shop.post("payment_intents", "one", &[("amount", "2000")]).await.unwrap();

    assert_eq!(other.status(), 400);
    assert_eq!(other.json::<Value>().await.unwrap()["error"]["type"], "idempotency_error");
    assert_eq!(provider.entries().len(), 1);
}

#[tokio::test]
async fn a_stranger_is_turned_away() {
    let (provider, shop) = start().await;

    let answer = shop.http.post(format!("{}/v1/payment_intents", shop.url)).bearer_auth("other").send().await.unwrap();

    assert_eq!(answer.status(), 401);
    assert_eq!(provider.posts().len(), 0);
}

#[tokio::test]
async fn a_provider_that_is_dropped_is_gone() {
    let (provider, shop) = start().await;
    shop.charge("one").await;

    drop(provider);

    while shop.post("payment_intents", "two", &[("amount", "1000")]).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
