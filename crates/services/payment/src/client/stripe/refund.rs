//! Refunds.

use reqwest::StatusCode;

use super::{
    Response, Stripe,
    response::{ErrorResponse, RefundList, RefundObject},
};
use crate::{
    client::{Refund, Unknown},
    model::RefundState,
};

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
        match self.refunds_of(&refund.charge).await? {
            Ok(found) => Ok(found.state(refund).unwrap_or_else(|| {
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
        match self.refunds_of(&refund.charge).await? {
            Ok(found) => Ok(found.state(refund).is_some()),
            Err(failed) => Err(failed.into()),
        }
    }

    async fn refunds_of(&self, charge: &str) -> Result<Response<RefundList>, Unknown> {
        let mut url = self.url(&["refunds"])?;
        url.query_pairs_mut().append_pair("payment_intent", charge).append_pair("limit", "100");
        self.send(self.client.get(url)).await
    }
}
