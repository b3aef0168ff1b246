//! Refunds.

use reqwest::StatusCode;

use super::{
    Response, Stripe,
    response::{ErrorResponse, Given, RefundList, RefundObject},
};
use crate::{
    client::{Refund, Unknown},
    model::RefundState,
};

/// The maximum number of pages, of 100 refunds each, that are read for a charge. A refund that keeps failing is requested every hour, which
/// makes some 90 pages in a year.
const MAX_PAGES: usize = 100;

impl Stripe {
    /// Returns the state of the refund if it was made, otherwise requests it, or what is left of it.
    ///
    /// It looks first because Stripe forgets an idempotency key after a day. By then, a repeat would give the amount back twice: Stripe
    /// refuses only what exceeds the charge. A request that is still under way is not in the list yet, but its key is remembered.
    pub(super) async fn request_refund(&self, refund: &Refund) -> Result<RefundState, Unknown> {
        let given = match self.given(refund).await? {
            Ok(given) => given,
            // The provider is not Stripe itself but a server with its API, and cannot list refunds. There the key alone prevents a second
            // refund. If the charge is missing, the request fails, too.
            Err(missing) if missing.status == StatusCode::NOT_FOUND => Given::nothing(refund),
            Err(failed) => return Err(failed.into()),
        };
        if let Some(state) = given.state() {
            return Ok(state);
        }
        let (key, amount) = given.request();
        match self.post_refund(refund, &key, amount).await? {
            Ok(made) => Ok(given.state_with(&made)),
            Err(failed) if failed.is_final() => self.after_error(refund, &failed).await,
            Err(failed) => Err(failed.into()),
        }
    }

    async fn post_refund(&self, refund: &Refund, key: &str, amount: i64) -> Result<Response<RefundObject>, Unknown> {
        let amount = amount.to_string();
        let transaction = refund.transaction.to_string();
        let form = [
            ("payment_intent", refund.charge.as_str()),
            ("amount", &amount),
            ("metadata[transaction_uuid]", &transaction),
            ("metadata[refund]", &refund.id),
        ];
        self.send(self.post(&["refunds"], key, &form)?).await
    }

    /// Reads the current state of a refund. A repeated POST would replay the first response of its idempotency key.
    pub(super) async fn read_refund(&self, id: &str) -> Result<RefundState, Unknown> {
        match self.send::<RefundObject>(self.client.get(self.url(&["refunds", id])?)).await? {
            Ok(made) => Ok(made.state()),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Returns the state of the refund after an error that the provider would answer again under this key. The refund may have been made
    /// since the caller looked: by a concurrent request, or in the provider's dashboard.
    async fn after_error(&self, refund: &Refund, failed: &ErrorResponse) -> Result<RefundState, Unknown> {
        let given = match self.given(refund).await? {
            Ok(given) => given,
            // The provider cannot list refunds.
            Err(missing) if missing.status == StatusCode::NOT_FOUND && failed.is_refunded() => {
                return Ok(RefundState::Refunded);
            }
            Err(missing) => return Err(missing.into()),
        };
        if let Some(state) = given.state() {
            return Ok(state);
        }
        tracing::error!(key = refund.key, %failed, "refund rejected by the payment provider");
        Ok(RefundState::Failed)
    }

    /// Returns true if the requests of this refund that have not failed give its amount back.
    pub(super) async fn stands(&self, refund: &Refund) -> Result<bool, Unknown> {
        match self.given(refund).await? {
            Ok(given) => Ok(given.state().is_some()),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Returns what was given back of a refund, according to all refunds of its charge, or to those that give its amount back. Unknown if
    /// not all of them could be read, since the refund may be among the rest.
    async fn given<'a>(&self, refund: &'a Refund) -> Result<Response<Given<'a>>, Unknown> {
        let (mut given, mut after) = (Given::nothing(refund), None);
        for _ in 0..MAX_PAGES {
            let page = match self.page(&refund.charge, after.as_deref()).await? {
                Ok(page) => page,
                Err(failed) => return Ok(Err(failed)),
            };
            given.add(&page);
            after = page.next();
            if given.state().is_some() || after.is_none() {
                return Ok(Ok(given));
            }
        }
        Err(Unknown(anyhow::anyhow!("the charge has more than {MAX_PAGES} pages of refunds")))
    }

    /// Reads a page of the refunds of a charge, the newest first.
    async fn page(&self, charge: &str, after: Option<&str>) -> Result<Response<RefundList>, Unknown> {
        let mut url = self.url(&["refunds"])?;
        url.query_pairs_mut().append_pair("payment_intent", charge).append_pair("limit", "100");
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("starting_after", after);
        }
        self.send(self.client.get(url)).await
    }
}
