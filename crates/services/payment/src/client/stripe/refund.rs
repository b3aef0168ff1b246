//! Requests and looks up refunds at Stripe.

use std::slice;

use reqwest::StatusCode;

use super::{
    Response, Stripe,
    response::{ErrorResponse, Given, RefundList, RefundObject},
};
use crate::{
    client::{Refund, Unknown},
    model::RefundState,
};

/// The maximum number of pages of 100 refunds that are read for a charge. A refund that keeps failing is requested
/// every hour, which adds some 90 pages in a year.
const MAX_PAGES: usize = 100;

impl Stripe {
    /// Returns the state of the refund if it was made; otherwise requests it, or the rest of it.
    ///
    /// It reads the list of refunds first, because Stripe forgets an idempotency key after a day and would then execute
    /// a retry as a second refund: Stripe refuses only what exceeds the charge. A request in flight is not
    /// in the list yet, but Stripe still remembers its key.
    pub(super) async fn request_refund(&self, refund: &Refund) -> Result<RefundState, Unknown> {
        let given = match self.given(refund).await? {
            Ok(given) => given,
            // The server imitates Stripe's API and cannot list refunds, so only the key prevents a second refund. If
            // instead the charge is missing, the request below fails too.
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

    /// Reads the current state of a refund. A retried POST would replay the first response of its idempotency key.
    pub(super) async fn read_refund(&self, id: &str) -> Result<RefundState, Unknown> {
        match self.send::<RefundObject>(self.client.get(self.url(&["refunds", id])?)).await? {
            Ok(made) => Ok(made.state()),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Returns the state of the refund after an error that the provider would return again under this key. The refund
    /// may have been made since the caller read the list: by a concurrent request, or in the provider's dashboard.
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

    /// Takes refunds of one charge. Returns true for each whose amount is given back by requests that have not failed.
    pub(super) async fn check_refunds(&self, refunds: &[Refund]) -> Result<Vec<bool>, Unknown> {
        let mut given: Vec<Given<'_>> = refunds.iter().map(Given::nothing).collect();
        match self.add_pages(&mut given).await? {
            Ok(()) => Ok(given.iter().map(|given| given.state().is_some()).collect()),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Reads how much of a refund was given back.
    async fn given<'a>(&self, refund: &'a Refund) -> Result<Response<Given<'a>>, Unknown> {
        let mut given = Given::nothing(refund);
        let read = self.add_pages(slice::from_mut(&mut given)).await?;
        Ok(read.map(|()| given))
    }

    /// Adds what was given back to each of `given`, which are refunds of one charge. Stops reading pages once all
    /// amounts are given back. Fails with [`Unknown`] after [`MAX_PAGES`], because an unread page may have a refund.
    async fn add_pages(&self, given: &mut [Given<'_>]) -> Result<Response<()>, Unknown> {
        let Some(charge) = given.first().map(Given::charge) else { return Ok(Ok(())) };
        let mut after = None;
        for _ in 0..MAX_PAGES {
            let page = match self.page(charge, after.as_deref()).await? {
                Ok(page) => page,
                Err(failed) => return Ok(Err(failed)),
            };
            for given in given.iter_mut() {
                given.add(&page);
            }
            after = page.next();
            if after.is_none() || given.iter().all(|given| given.state().is_some()) {
                return Ok(Ok(()));
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
