//! A client of Stripe's HTTP API: PaymentIntents and Refunds.

mod refund;
mod response;

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use platform::{deadline, http::read_body};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

use self::response::{ErrorResponse, PaymentIntent, SearchResult};
use super::{ChargeError, Lookup, Provider, Refund, Unknown};
use crate::model::{ChargeOutcome, ChargeState, Decline, Intent, Method, RefundState};

/// The maximum size of a response in bytes. It is many times the size of a search result with ten PaymentIntents.
const MAX_RESPONSE_BYTES: usize = 256 * 1024;
/// The part of a caller's time limit that is reserved for responding that the outcome is unknown. Without a response,
/// the caller's circuit breaker would count a failure of this service.
const RESPONSE_RESERVE: Duration = Duration::from_millis(200);

#[derive(Clone, Debug)]
pub struct StripeAccount {
    pub url: Url,
    pub key: SecretString,
    /// The currency's ISO 4217 code in lower case.
    pub currency: String,
    /// The timeout of a call. The outcome of a call that times out is unknown.
    pub timeout: Duration,
}

#[derive(Clone)]
pub struct Stripe {
    client: Client,
    account: StripeAccount,
}

/// A response: the requested object, or an error with details.
type Response<T> = Result<T, ErrorResponse>;

impl Stripe {
    pub fn new(account: StripeAccount) -> anyhow::Result<Self> {
        let client = platform::http::outside_client_builder()
            .connect_timeout(account.timeout.min(Duration::from_secs(1)))
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

    fn post(&self, path: &[&str], key: &str, form: &[(&str, &str)]) -> Result<RequestBuilder, Unknown> {
        Ok(self.client.post(self.url(path)?).header("Idempotency-Key", key).form(form))
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Response<T>, Unknown> {
        let limit = self.account.timeout.saturating_add(RESPONSE_RESERVE);
        let limit = deadline::remaining(limit).saturating_sub(RESPONSE_RESERVE);
        let asked = async {
            let response = request.bearer_auth(self.account.key.expose_secret()).timeout(limit).send().await?;
            let replayed = response.headers().get("Idempotent-Replayed").is_some_and(|replayed| replayed == "true");
            anyhow::Ok((response.status(), replayed, read_body(response, MAX_RESPONSE_BYTES).await?))
        };
        let (status, replayed, body) = asked.await.context("calling the payment provider").map_err(Unknown)?;
        if status.is_success() {
            let object = serde_json::from_slice(&body).context("reading the payment provider's response");
            return Ok(Ok(object.map_err(Unknown)?));
        }
        Ok(Err(ErrorResponse::read(status, replayed, &body)))
    }

    /// Reads the current state of a PaymentIntent. A retried POST would replay the first response of its idempotency
    /// key.
    async fn read(&self, id: &str) -> Result<ChargeState, Unknown> {
        match self.send::<PaymentIntent>(self.client.get(self.url(&["payment_intents", id])?)).await? {
            Ok(made) => Ok(made.state()),
            // Even a 404 does not prove that nothing was charged: the provider returned this id, so the configured
            // account may have changed since.
            Err(failed) => Err(failed.into()),
        }
    }
}

#[async_trait]
impl Provider for Stripe {
    async fn charge(&self, intent: &Intent) -> Result<ChargeState, ChargeError> {
        let transaction = intent.transaction.to_string();
        let form = [
            ("amount", intent.amount.minor().to_string()),
            ("currency", self.account.currency.clone()),
            ("confirm", "true".to_owned()),
            ("payment_method", payment_method(intent.method).to_owned()),
            ("payment_method_types[]", "card".to_owned()),
            // No user is present to authenticate, so a card that requires authentication is declined.
            ("error_on_requires_action", "true".to_owned()),
            ("metadata[order_uuid]", intent.order.to_string()),
            ("metadata[user_uuid]", intent.user.to_string()),
            ("metadata[transaction_uuid]", transaction.clone()),
        ];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let sent = self.send::<PaymentIntent>(self.post(&["payment_intents"], &transaction, &form)?).await;
        match sent.map_err(charge_error)? {
            Ok(made) => match made.state() {
                // A second request often returns the outcome. If it fails, the result is the charge's id rather than
                // the error.
                ChargeState::Processing { reference } => {
                    Ok(self.read(&reference).await.unwrap_or(ChargeState::Processing { reference }))
                }
                settled @ ChargeState::Settled(_) => Ok(settled),
            },
            Err(failed) if failed.status == StatusCode::PAYMENT_REQUIRED => {
                Ok(ChargeState::Settled(ChargeOutcome::Declined(failed.decline())))
            }
            // Stripe rejected the request before processing it, and would reject a retry too.
            Err(failed) if failed.is_invalid_request() => {
                tracing::error!(%transaction, %failed, "charge rejected by the payment provider");
                Ok(ChargeState::Settled(ChargeOutcome::Declined(Decline::Declined)))
            }
            Err(failed) if failed.is_refused() => Err(ChargeError::Refused(Unknown::from(failed).0)),
            Err(failed) => Err(Unknown::from(failed).into()),
        }
    }

    async fn find(&self, intent: &Intent, reference: Option<&str>) -> Result<Lookup, Unknown> {
        if let Some(id) = reference {
            return Ok(Lookup::Known(self.read(id).await?));
        }
        let mut url = self.url(&["payment_intents", "search"])?;
        let query = format!("metadata['transaction_uuid']:'{}'", intent.transaction);
        url.query_pairs_mut().append_pair("query", &query);
        match self.send::<SearchResult>(self.client.get(url)).await? {
            Ok(found) => Ok(found.state().map_or(Lookup::Absent, Lookup::Known)),
            // The account, or a server that only imitates Stripe, does not support search.
            Err(failed) if failed.status == StatusCode::NOT_FOUND => Ok(Lookup::Unsupported),
            Err(failed) => Err(failed.into()),
        }
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundState, Unknown> {
        match &refund.pending {
            Some(id) => self.read_refund(id).await,
            None => self.request_refund(refund).await,
        }
    }

    async fn are_refunded(&self, refunds: &[Refund]) -> Result<Vec<bool>, Unknown> {
        self.check_refunds(refunds).await
    }
}

/// A request without a connection was not sent.
fn charge_error(Unknown(error): Unknown) -> ChargeError {
    let is_unsent = error.chain().filter_map(|cause| cause.downcast_ref()).any(reqwest::Error::is_connect);
    if is_unsent { ChargeError::Refused(error) } else { Unknown(error).into() }
}

/// Returns one of Stripe's test payment methods, because the shop stores no cards.
fn payment_method(method: Method) -> &'static str {
    match method {
        Method::Card => "pm_card_visa_debit",
        Method::CreditCard => "pm_card_visa",
        Method::Sbp | Method::InvestorMoney => "pm_card_mastercard",
    }
}
