//! A provider over HTTP that speaks Stripe's API: PaymentIntents and Refunds.

mod answer;

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use platform::deadline;
use reqwest::{Client, RequestBuilder, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

use self::answer::{Failed, PaymentIntent, RefundObject, SearchResult};
use super::{Provider, Refund, Unknown};
use crate::model::{Decline, Intent, Method, Outcome};

/// Whose account is charged to, and how.
#[derive(Clone, Debug)]
pub struct StripeAccount {
    pub url: Url,
    pub key: SecretString,
    /// The three letters of ISO 4217, in lower case.
    pub currency: String,
    /// How long an answer may take before it counts as unknown.
    pub timeout: Duration,
}

#[derive(Clone)]
pub struct Stripe {
    client: Client,
    account: StripeAccount,
}

/// What came back, when anything did: an object, or an error that says something.
type Answer<T> = Result<T, Failed>;

impl Stripe {
    pub fn new(account: StripeAccount) -> anyhow::Result<Self> {
        // Fails when the process has one already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(account.timeout.min(Duration::from_secs(1)))
            // Over HTTP/2 a request that times out leaves its connection to the next.
            .http2_keep_alive_interval(Duration::from_secs(5))
            .http2_keep_alive_timeout(Duration::from_secs(3))
            .http2_keep_alive_while_idle(true)
            .build()
            .context("making an HTTP client for the payment provider")?;
        Ok(Self { client, account })
    }

    fn url(&self, path: &[&str]) -> Result<Url, Unknown> {
        let mut url = self.account.url.clone();
        url.path_segments_mut()
            .map_err(|()| Unknown(anyhow::anyhow!("the provider's URL cannot have a path")))?
            .pop_if_empty()
            .push("v1")
            .extend(path);
        Ok(url)
    }

    /// A request that has its effect once per key.
    fn post(&self, path: &[&str], key: &str, form: &[(&str, &str)]) -> Result<RequestBuilder, Unknown> {
        Ok(self.client.post(self.url(path)?).header("Idempotency-Key", key).form(form))
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Answer<T>, Unknown> {
        let asked = async {
            let response = request
                .bearer_auth(self.account.key.expose_secret())
                .timeout(deadline::remaining(self.account.timeout))
                .send()
                .await?;
            anyhow::Ok((response.status(), response.bytes().await?))
        };
        let (status, body) = asked.await.context("asking the payment provider").map_err(Unknown)?;
        if status.is_success() {
            let object = serde_json::from_slice(&body).context("reading the payment provider's answer");
            return Ok(Ok(object.map_err(Unknown)?));
        }
        Ok(Err(Failed::read(status, &body)))
    }

    /// What an intent that the provider has made came to; nothing while that is open.
    async fn outcome(&self, made: PaymentIntent) -> Result<Outcome, Unknown> {
        if let Some(outcome) = made.outcome() {
            return Ok(outcome);
        }
        // The answer under the key stays as it was; the object goes on.
        let path = ["payment_intents", &made.id];
        let now: Answer<PaymentIntent> = self.send(self.client.get(self.url(&path)?)).await?;
        now.ok()
            .and_then(|made| made.outcome())
            .ok_or_else(|| Unknown(anyhow::anyhow!("{} is {}", made.id, made.status)))
    }
}

#[async_trait]
impl Provider for Stripe {
    async fn charge(&self, intent: &Intent) -> Result<Outcome, Unknown> {
        let transaction = intent.transaction.to_string();
        let form = [
            ("amount", intent.amount.minor().to_string()),
            ("currency", self.account.currency.clone()),
            ("confirm", "true".to_owned()),
            ("payment_method", payment_method(intent.method).to_owned()),
            ("payment_method_types[]", "card".to_owned()),
            // Nobody is there to act: a card that wants him to is declined.
            ("error_on_requires_action", "true".to_owned()),
            ("metadata[order_uuid]", intent.order.to_string()),
            ("metadata[user_uuid]", intent.user.to_string()),
            ("metadata[transaction_uuid]", transaction.clone()),
        ];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match self.send(self.post(&["payment_intents"], &transaction, &form)?).await? {
            Ok(made) => self.outcome(made).await,
            Err(failed) if failed.status == StatusCode::PAYMENT_REQUIRED => Ok(Outcome::Declined(failed.decline())),
            // Refused before anything was begun: asking again would be refused again.
            Err(failed) if failed.is_refusal() => {
                tracing::error!(%transaction, %failed, "the payment provider does not take this charge");
                Ok(Outcome::Declined(Decline::Declined))
            }
            Err(failed) => Err(failed.into()),
        }
    }

    async fn find(&self, intent: &Intent) -> Result<Option<Outcome>, Unknown> {
        let mut url = self.url(&["payment_intents", "search"])?;
        let query = format!("metadata['transaction_uuid']:'{}'", intent.transaction);
        url.query_pairs_mut().append_pair("query", &query);
        match self.send::<SearchResult>(self.client.get(url)).await? {
            Ok(found) => Ok(found.data.iter().find_map(PaymentIntent::outcome)),
            // An account, or an imitation, without a search.
            Err(failed) if failed.status == StatusCode::NOT_FOUND => Ok(None),
            Err(failed) => Err(failed.into()),
        }
    }

    async fn refund(&self, refund: &Refund) -> Result<(), Unknown> {
        let amount = refund.amount.minor().to_string();
        let form = [("payment_intent", refund.reference.as_str()), ("amount", &amount)];
        match self.send::<RefundObject>(self.post(&["refunds"], &refund.key, &form)?).await? {
            Ok(made) if made.is_on_its_way() => Ok(()),
            Ok(made) => Err(Unknown(anyhow::anyhow!("the refund {} is {}", made.id, made.status))),
            Err(failed) if failed.says("charge_already_refunded") => Ok(()),
            Err(failed) => Err(failed.into()),
        }
    }
}

/// The provider's name for what is charged. The shop stores no cards: these are the ones that Stripe keeps for trying out.
fn payment_method(method: Method) -> &'static str {
    match method {
        Method::Card => "pm_card_visa_debit",
        Method::CreditCard => "pm_card_visa",
        Method::Sbp | Method::InvestorMoney => "pm_card_mastercard",
    }
}
