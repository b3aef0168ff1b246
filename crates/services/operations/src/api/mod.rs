//! The gRPC API.

mod encode;

use std::sync::Arc;

use contracts::{
    ids::{OrderId, UserId},
    proto::{
        DESCRIPTORS,
        operations::v1::{
            BeginActionRequest, BeginActionResponse, BeginAuditRequest, BeginAuditResponse, DiscardDeadLettersRequest,
            DiscardDeadLettersResponse, EndActionRequest, EndActionResponse, GetAuditRequest, GetAuditResponse,
            GetReceiptRequest, GetReceiptResponse, ListActionsRequest, ListActionsResponse, ListDeadLettersRequest,
            ListDeadLettersResponse, ListLagsRequest, ListLagsResponse, ListOutboxesRequest, ListOutboxesResponse,
            ListServicesRequest, ListServicesResponse, PlanReplayRequest, PlanReplayResponse, ReplayDeadLettersRequest,
            ReplayDeadLettersResponse,
            operations_service_server::{OperationsService as Rpc, OperationsServiceServer},
        },
    },
};
use platform::{
    auth::{NOT_OPERATOR, Rule},
    grpc::{Services, caller, invalid, parse_uuid, user},
};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    backlogs,
    databases::Databases,
    error::Error,
    service::{Actions, Audits, DeadLetters, LagHistory, ReceiptReader, Receipts},
    service_states::AdminPorts,
};

const GET_RECEIPT: &str = "/operations.v1.OperationsService/GetReceipt";
const LIST_ACTIONS: &str = "/operations.v1.OperationsService/ListActions";

/// Operators see and do all; other users read the receipts of their own orders and list their own actions.
pub const RULES: &[Rule] = &[
    Rule::session(GET_RECEIPT, &[]),
    Rule::operator("/operations.v1.OperationsService/ListServices", &[]),
    Rule::operator("/operations.v1.OperationsService/ListOutboxes", &[]),
    Rule::operator("/operations.v1.OperationsService/ListLags", &[]),
    Rule::operator("/operations.v1.OperationsService/ListDeadLetters", &[]),
    Rule::operator("/operations.v1.OperationsService/PlanReplay", &[]),
    Rule::operator("/operations.v1.OperationsService/ReplayDeadLetters", &[]),
    Rule::operator("/operations.v1.OperationsService/DiscardDeadLetters", &[]),
    Rule::operator("/operations.v1.OperationsService/GetAudit", &[]),
    Rule::operator("/operations.v1.OperationsService/BeginAudit", &[]),
    Rule::session(LIST_ACTIONS, &[]),
    Rule::operator("/operations.v1.OperationsService/BeginAction", &[]),
    Rule::operator("/operations.v1.OperationsService/EndAction", &[]),
];

/// The actions that the console executes itself, through other services.
const OF_THE_CONSOLE: [&str; 3] = ["courier", "kyc-rollback", "restock"];
const MAX_LETTERS: u32 = 200;
const MAX_ACTIONS: u32 = 1_000;
const DEFAULT_ACTIONS: u32 = 200;

pub struct Grpc {
    pub receipts: Receipts,
    pub reader: Arc<ReceiptReader>,
    pub databases: Arc<Databases>,
    pub admin_ports: AdminPorts,
    pub lag: LagHistory,
    pub letters: DeadLetters,
    pub audits: Audits,
    pub actions: Actions,
}

pub fn services(grpc: Grpc) -> Services {
    Services::new(DESCRIPTORS).with(OperationsServiceServer::new(grpc))
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Result<Response<GetReceiptResponse>, Status> {
        let (caller, user) = (caller(&request)?, UserId::new(user(&request)?.uuid));
        let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

        let owner = self.reader.owner(order).await?;
        if !owner.is_some_and(|owner| caller.may_inspect(Some(owner.uuid()), order.uuid(), GET_RECEIPT)) {
            return Err(Error::OrderNotFound.into());
        }
        let checks = self.receipts.of(order, user).await?;

        Ok(Response::new(GetReceiptResponse { checks: checks.to_vec() }))
    }

    async fn list_services(&self, _: Request<ListServicesRequest>) -> Result<Response<ListServicesResponse>, Status> {
        Ok(Response::new(ListServicesResponse { services: self.admin_ports.states().await }))
    }

    async fn list_outboxes(&self, _: Request<ListOutboxesRequest>) -> Result<Response<ListOutboxesResponse>, Status> {
        Ok(Response::new(ListOutboxesResponse { outboxes: backlogs::outboxes(&self.databases).await }))
    }

    async fn list_lags(&self, _: Request<ListLagsRequest>) -> Result<Response<ListLagsResponse>, Status> {
        let lags = self.lag.now().await.map_err(|error| Error::NotRead("the lag", error))?;
        Ok(Response::new(lags))
    }

    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        let ListDeadLettersRequest { filter, skip, limit } = request.into_inner();
        let filter = encode::filter(filter)?;
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);

        let page = self.letters.page(filter, count(skip), count(limit.min(MAX_LETTERS))).await?;

        let work = Some(encode::letter_work(self.letters.work().await?));
        Ok(Response::new(ListDeadLettersResponse { work, ..page }))
    }

    async fn plan_replay(&self, request: Request<PlanReplayRequest>) -> Result<Response<PlanReplayResponse>, Status> {
        let filter = encode::filter(request.into_inner().filter)?;

        Ok(Response::new(self.letters.plan(filter).await?))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<ReplayDeadLettersRequest>,
    ) -> Result<Response<ReplayDeadLettersResponse>, Status> {
        let operator = UserId::new(user(&request)?.uuid);
        let filter = encode::filter(request.into_inner().filter)?;

        self.letters.replay(operator, filter).await?;

        Ok(Response::new(ReplayDeadLettersResponse { work: Some(encode::letter_work(self.letters.work().await?)) }))
    }

    async fn discard_dead_letters(
        &self,
        request: Request<DiscardDeadLettersRequest>,
    ) -> Result<Response<DiscardDeadLettersResponse>, Status> {
        let operator = UserId::new(user(&request)?.uuid);
        let DiscardDeadLettersRequest { filter, why } = request.into_inner();
        let filter = encode::filter(filter)?;
        let why = why.trim();
        if why.is_empty() {
            return Err(invalid("why", "is required"));
        }
        if why.contains('\0') {
            return Err(invalid("why", "must not contain the character U+0000"));
        }

        self.letters.discard(operator, filter, why.to_owned()).await?;

        Ok(Response::new(DiscardDeadLettersResponse { work: Some(encode::letter_work(self.letters.work().await?)) }))
    }

    async fn get_audit(&self, _: Request<GetAuditRequest>) -> Result<Response<GetAuditResponse>, Status> {
        Ok(Response::new(GetAuditResponse { work: Some(encode::audit_work(self.audits.work().await?)) }))
    }

    async fn begin_audit(&self, request: Request<BeginAuditRequest>) -> Result<Response<BeginAuditResponse>, Status> {
        self.audits.begin(UserId::new(user(&request)?.uuid)).await?;

        Ok(Response::new(BeginAuditResponse { work: Some(encode::audit_work(self.audits.work().await?)) }))
    }

    async fn list_actions(
        &self,
        request: Request<ListActionsRequest>,
    ) -> Result<Response<ListActionsResponse>, Status> {
        let caller = caller(&request)?;
        let ListActionsRequest { operator_uuid, limit } = request.into_inner();
        let operator = match &*operator_uuid {
            "" => None,
            text => Some(parse_uuid("operator_uuid", text)?),
        };
        if !caller.may_inspect(operator, operator.unwrap_or(Uuid::nil()), LIST_ACTIONS) {
            return Err(Status::permission_denied(NOT_OPERATOR));
        }
        let limit = if limit == 0 { DEFAULT_ACTIONS } else { limit.min(MAX_ACTIONS) };

        let actions = self.actions.list(operator.map(UserId::new), limit.into()).await?;

        Ok(Response::new(ListActionsResponse { actions: actions.into_iter().map(encode::action).collect() }))
    }

    async fn begin_action(
        &self,
        request: Request<BeginActionRequest>,
    ) -> Result<Response<BeginActionResponse>, Status> {
        let operator = UserId::new(user(&request)?.uuid);
        let BeginActionRequest { action, subject } = request.into_inner();
        let known = OF_THE_CONSOLE.into_iter().find(|known| *known == action);
        let action = known.ok_or_else(|| invalid("action", format!("must be one of {}", OF_THE_CONSOLE.join(", "))))?;

        let id = self.actions.begin(operator, action, &subject).await?;

        Ok(Response::new(BeginActionResponse { id }))
    }

    async fn end_action(&self, request: Request<EndActionRequest>) -> Result<Response<EndActionResponse>, Status> {
        let operator = UserId::new(user(&request)?.uuid);
        let EndActionRequest { id, result } = request.into_inner();

        self.actions.end(operator, id, &result).await?;

        Ok(Response::new(EndActionResponse {}))
    }
}
