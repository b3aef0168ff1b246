//! The client of operations: receipts, what operators see of all services, and their actions. Each call carries the
//! session or access token of the user who sends the request.

use contracts::{
    ids::OrderId,
    proto::operations::v1::{
        BeginActionRequest, BeginAuditRequest, DeadLetterFilter, DiscardDeadLettersRequest, EndActionRequest,
        GetAuditRequest, GetReceiptRequest, ListActionsRequest, ListDeadLettersRequest, ListLagsRequest,
        ListOutboxesRequest, ListServicesRequest, PlanReplayRequest, ReplayDeadLettersRequest,
        operations_service_client::OperationsServiceClient,
    },
};
use platform::grpc::Peer;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::model::{Action, Audited, Check, DeadLetters, Lags, Now, OutboxState, Plan, ServiceState};

/// The maximum size of a response in bytes. A page has up to 200 dead letters with their payloads.
const MAX_RESPONSE_BYTES: usize = 64 << 20;

#[derive(Clone)]
pub struct Operations(OperationsServiceClient<Peer>);

impl Operations {
    /// `as_user` forwards the credential of the request.
    pub fn new(as_user: Peer) -> Self {
        Self(OperationsServiceClient::new(as_user).max_decoding_message_size(MAX_RESPONSE_BYTES))
    }

    /// Returns the receipt of an order that the user may see. It is empty if the order has no row any more.
    pub async fn receipt(&self, order: OrderId) -> Result<Vec<Check>, Status> {
        let request = GetReceiptRequest { order_uuid: order.to_string() };
        match self.0.clone().get_receipt(request).await {
            Ok(response) => Ok(response.into_inner().checks.into_iter().map(Check::from).collect()),
            Err(status) if status.code() == Code::NotFound => Ok(Vec::new()),
            Err(status) => Err(status),
        }
    }

    pub async fn services(&self) -> Result<Vec<ServiceState>, Status> {
        let services = self.0.clone().list_services(ListServicesRequest {}).await?.into_inner().services;
        Ok(services.into_iter().map(ServiceState::from).collect())
    }

    /// Returns the outbox of each service that has one.
    pub async fn outboxes(&self) -> Result<Vec<OutboxState>, Status> {
        let outboxes = self.0.clone().list_outboxes(ListOutboxesRequest {}).await?.into_inner().outboxes;
        Ok(outboxes.into_iter().map(OutboxState::from).collect())
    }

    pub async fn lags(&self) -> Result<Lags, Status> {
        Ok(self.0.clone().list_lags(ListLagsRequest {}).await?.into_inner().into())
    }

    /// Returns `limit` of the pending dead letters that match, at most 200, after the first `skip`, the oldest first.
    pub async fn dead_letters(
        &self,
        filter: DeadLetterFilter,
        skip: usize,
        limit: usize,
    ) -> Result<DeadLetters, Status> {
        let [skip, limit] = [skip, limit].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let request = ListDeadLettersRequest { filter: Some(filter), skip, limit };
        Ok(self.0.clone().list_dead_letters(request).await?.into_inner().into())
    }

    /// Returns what a replay of the pending dead letters that match would do.
    pub async fn plan(&self, filter: DeadLetterFilter) -> Result<Plan, Status> {
        let request = PlanReplayRequest { filter: Some(filter) };
        Ok(self.0.clone().plan_replay(request).await?.into_inner().into())
    }

    /// Begins to replay the pending dead letters that match. Fails with ABORTED while another action on dead letters
    /// runs.
    pub async fn replay(&self, filter: DeadLetterFilter) -> Result<Now<Vec<String>>, Status> {
        let request = ReplayDeadLettersRequest { filter: Some(filter) };
        Ok(self.0.clone().replay_dead_letters(request).await?.into_inner().work.unwrap_or_default().into())
    }

    /// Begins to discard the pending dead letters that match, for the reason `why`. Fails with ABORTED while another
    /// action on dead letters runs.
    pub async fn discard(&self, filter: DeadLetterFilter, why: String) -> Result<Now<Vec<String>>, Status> {
        let request = DiscardDeadLettersRequest { filter: Some(filter), why };
        Ok(self.0.clone().discard_dead_letters(request).await?.into_inner().work.unwrap_or_default().into())
    }

    pub async fn audits(&self) -> Result<Now<Audited>, Status> {
        Ok(self.0.clone().get_audit(GetAuditRequest {}).await?.into_inner().work.unwrap_or_default().into())
    }

    /// Begins an audit of the whole shop. Fails with ABORTED while another one runs.
    pub async fn audit(&self) -> Result<Now<Audited>, Status> {
        Ok(self.0.clone().begin_audit(BeginAuditRequest {}).await?.into_inner().work.unwrap_or_default().into())
    }

    /// Returns the latest rows of the log of actions, of one operator or of all, the newest first.
    pub async fn actions(&self, operator: Option<Uuid>, limit: u32) -> Result<Vec<Action>, Status> {
        let operator_uuid = operator.map(|operator| operator.to_string()).unwrap_or_default();
        let actions = self.0.clone().list_actions(ListActionsRequest { operator_uuid, limit }).await?;
        Ok(actions.into_inner().actions.into_iter().map(Action::from).collect())
    }

    /// Writes the start of an action to the log, and returns the row's id. If this fails, the action must not start.
    pub async fn begin_action(&self, action: &str, subject: &str) -> Result<i64, Status> {
        let request = BeginActionRequest { action: action.to_owned(), subject: subject.to_owned() };
        Ok(self.0.clone().begin_action(request).await?.into_inner().id)
    }

    /// Writes the end of the action with this id.
    pub async fn end_action(&self, id: i64, result: &str) -> Result<(), Status> {
        self.0.clone().end_action(EndActionRequest { id, result: result.to_owned() }).await?;
        Ok(())
    }
}
