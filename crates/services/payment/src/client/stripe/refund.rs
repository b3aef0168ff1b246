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
    pub(super) async fn request_refund(&self, refund: &Refund) -> Result<RefundState, Unknown> {
        let amount = refund.amount.minor().to_string();
        let transaction = refund.transaction.to_string();
        let form = [
            ("payment_intent", refund.charge.as_str()),
            ("amount", &amount),
            ("metadata[transaction_uuid]", &transaction),
            ("metadata[refund]", &refund.id),
        ];
        match self.send::<RefundObject>(self.post(&["refunds"], &refund.key, &form)?).await? {
            Ok(made) => Ok(made.state()),
            Err(failed) if failed.is_final() => self.after_error(refund, failed).await,
            Err(failed) => Err(failed.into()),
        }
    }

    /// Reads the current state of a refund. A repeated POST would replay the first response of its idempotency key.
    pub(super) async fn read_refund(&self, id: &str) -> Result<RefundState, Unknown> {
        match self.send::<RefundObject>(self.client.get(self.url(&["refunds", id])?)).await? {
            Ok(made) => Ok(made.state()),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Returns the state of the refund after an error that the provider would answer again under this key. An earlier request may have made
    /// the refund, and its key was forgotten.
    async fn after_error(&self, refund: &Refund, failed: ErrorResponse) -> Result<RefundState, Unknown> {
        match self.given(refund).await? {
            Ok(found) => Ok(found.unwrap_or_else(|| {
                tracing::error!(key = refund.key, %failed, "refund rejected by the payment provider");
                RefundState::Failed
            })),
            // The server compatible with Stripe cannot list refunds.
            Err(missing) if missing.status == StatusCode::NOT_FOUND && failed.is_refunded() => {
                Ok(RefundState::Refunded)
            }
            Err(missing) => Err(missing.into()),
        }
    }

    /// Returns true if the requests of this refund, without those that failed, give its amount back.
    pub(super) async fn stands(&self, refund: &Refund) -> Result<bool, Unknown> {
        match self.given(refund).await? {
            Ok(found) => Ok(found.is_some()),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Returns the state of a refund among all refunds of its charge; `None` if its requests give back less than its amount. Unknown if not
    /// all of them could be read, since the refund may be among the rest.
    async fn given(&self, refund: &Refund) -> Result<Response<Option<RefundState>>, Unknown> {
        let (mut given, mut after) = (Given::default(), None);
        for _ in 0..MAX_PAGES {
            let page = match self.page(&refund.charge, after.as_deref()).await? {
                Ok(page) => page,
                Err(failed) => return Ok(Err(failed)),
            };
            given.add(&page, refund);
            let state = given.state(refund);
            after = page.next();
            if state.is_some() || after.is_none() {
                return Ok(Ok(state));
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
