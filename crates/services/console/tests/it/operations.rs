//! A stand-in for operations, over a shop in memory.

use std::{net::SocketAddr, sync::Arc};

use chrono::{DateTime, Utc};
use contracts::proto::operations::v1::{
    Action, BeginActionRequest, BeginActionResponse, BeginAuditRequest, BeginAuditResponse, Breaker, DeadLetter,
    DiscardDeadLettersRequest, DiscardDeadLettersResponse, EndActionRequest, EndActionResponse, GetAuditRequest,
    GetAuditResponse, GetReceiptRequest, GetReceiptResponse, LagPoint, ListActionsRequest, ListActionsResponse,
    ListDeadLettersRequest, ListDeadLettersResponse, ListLagsRequest, ListLagsResponse, ListOutboxesRequest,
    ListOutboxesResponse, ListServicesRequest, ListServicesResponse, OutboxState, PartitionLag, PlanReplayRequest,
    PlanReplayResponse, Poison, ReplayDeadLettersRequest, ReplayDeadLettersResponse, ServiceState,
    operations_service_server::{OperationsService, OperationsServiceServer},
};
use platform::{
    auth::{Access, SESSION_METADATA},
    grpc::{Services, time, timestamp},
};
use testkit::Running;
use tonic::{Request, Response, Status};

use crate::shop::{Shop, running, size};

/// Starts the stand-in over a shop. It admits every caller to each method.
pub async fn operations(shop: Arc<Shop>) -> (SocketAddr, Running) {
    let services = Services::new(contracts::proto::DESCRIPTORS).with(OperationsServiceServer::from_arc(shop));
    testkit::serve(testkit::guard("operations", &[]).otherwise(Access::Public), services).await
}

fn session<T>(request: &Request<T>) -> String {
    let session = request.metadata().get(SESSION_METADATA).and_then(|session| session.to_str().ok());
    session.unwrap_or_default().to_owned()
}

fn newest(letters: &[DeadLetter]) -> Option<DateTime<Utc>> {
    letters.iter().filter_map(|letter| letter.at.as_ref().and_then(time)).max()
}

fn lag(partition: i32, committed: Option<i64>, lag: i64, history: Vec<LagPoint>) -> PartitionLag {
    PartitionLag {
        service: "assembly".to_owned(),
        group: "assembly-group-order-paid".to_owned(),
        topic: "order.paid".to_owned(),
        partition,
        committed,
        end: 9,
        lag,
        history,
    }
}

#[tonic::async_trait]
impl OperationsService for Shop {
    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Result<Response<GetReceiptResponse>, Status> {
        let checks = self.state().receipts.get(&request.get_ref().order_uuid).cloned();
        let checks = checks.ok_or_else(|| Status::not_found("order not found"))?;
        Ok(Response::new(GetReceiptResponse { checks }))
    }

    async fn list_services(&self, _: Request<ListServicesRequest>) -> Result<Response<ListServicesResponse>, Status> {
        let state = |service: &str| ServiceState { service: service.to_owned(), ..ServiceState::default() };
        let breakers = vec![Breaker { peer: "payment".to_owned(), state: "open".to_owned() }];
        let waiting_for = vec!["database".to_owned()];
        let services = vec![
            ServiceState { version: Some("1.2.3".to_owned()), is_ready: true, ..state("iam") },
            ServiceState { breakers, waiting_for, ..state("order") },
            ServiceState { error: Some("it does not answer".to_owned()), ..state("geo") },
        ];
        Ok(Response::new(ListServicesResponse { services }))
    }

    async fn list_outboxes(&self, _: Request<ListOutboxesRequest>) -> Result<Response<ListOutboxesResponse>, Status> {
        let outbox = OutboxState {
            service: "order".to_owned(),
            waiting: 1234,
            oldest: Some(timestamp(DateTime::UNIX_EPOCH)),
            relay: Some("host-1-id".to_owned()),
            ..OutboxState::default()
        };
        Ok(Response::new(ListOutboxesResponse { outboxes: vec![outbox] }))
    }

    async fn list_lags(&self, _: Request<ListLagsRequest>) -> Result<Response<ListLagsResponse>, Status> {
        let [then, at] = [0, 15].map(|second| DateTime::from_timestamp(second, 0).map(timestamp));
        let partitions = vec![lag(0, Some(7), 2, vec![LagPoint { at: then, lag: 5 }]), lag(1, None, 9, Vec::new())];
        Ok(Response::new(ListLagsResponse { at, partitions }))
    }

    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        let ListDeadLettersRequest { filter, skip, limit } = request.into_inner();
        let [skip, limit] = [skip, limit].map(|count| usize::try_from(count).unwrap());
        let state = self.state();
        let matching = state.matching(filter);
        Ok(Response::new(ListDeadLettersResponse {
            matching: size(matching.len()),
            newest: newest(&matching).map(timestamp),
            pending: size(state.letters.len()),
            letters: matching.into_iter().skip(skip).take(limit).collect(),
            work: Some(state.letter_work.clone()),
            ..ListDeadLettersResponse::default()
        }))
    }

    async fn plan_replay(&self, request: Request<PlanReplayRequest>) -> Result<Response<PlanReplayResponse>, Status> {
        let matching = self.state().matching(request.into_inner().filter);
        let poison = matching.iter().take(1);
        Ok(Response::new(PlanReplayResponse {
            messages: size(matching.len()),
            letters: size(matching.len()),
            poison: poison.map(|one| Poison { letter: one.id.clone(), reason: one.error.clone() }).collect(),
            newest: newest(&matching).map(timestamp),
            ..PlanReplayResponse::default()
        }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<ReplayDeadLettersRequest>,
    ) -> Result<Response<ReplayDeadLettersResponse>, Status> {
        let session = session(&request);
        let ReplayDeadLettersRequest { filter } = request.into_inner();
        let work = self.state().begin("Replaying dead letters", "replay", filter, &session)?;
        Ok(Response::new(ReplayDeadLettersResponse { work: Some(work) }))
    }

    async fn discard_dead_letters(
        &self,
        request: Request<DiscardDeadLettersRequest>,
    ) -> Result<Response<DiscardDeadLettersResponse>, Status> {
        let session = session(&request);
        let DiscardDeadLettersRequest { filter, why } = request.into_inner();
        let what = format!("for {why}, discard");
        let work = self.state().begin("Discarding dead letters", &what, filter, &session)?;
        Ok(Response::new(DiscardDeadLettersResponse { work: Some(work) }))
    }

    async fn get_audit(&self, _: Request<GetAuditRequest>) -> Result<Response<GetAuditResponse>, Status> {
        Ok(Response::new(GetAuditResponse { work: Some(self.state().audits.clone()) }))
    }

    async fn begin_audit(&self, _: Request<BeginAuditRequest>) -> Result<Response<BeginAuditResponse>, Status> {
        let mut state = self.state();
        let audits = &mut state.audits;
        if audits.running.is_some() {
            return Err(Status::aborted("an audit is running; wait until it has ended"));
        }
        audits.running = Some(running("Auditing the shop", "read databases and topics", 0));
        Ok(Response::new(BeginAuditResponse { work: Some(audits.clone()) }))
    }

    async fn list_actions(
        &self,
        request: Request<ListActionsRequest>,
    ) -> Result<Response<ListActionsResponse>, Status> {
        let ListActionsRequest { operator_uuid, limit } = request.into_inner();
        let state = self.state();
        let is_asked = |one: &&Action| operator_uuid.is_empty() || one.operator_uuid == operator_uuid;
        let actions = state.log.iter().rev().filter(is_asked).take(usize::try_from(limit).unwrap()).cloned().collect();
        Ok(Response::new(ListActionsResponse { actions }))
    }

    async fn begin_action(
        &self,
        request: Request<BeginActionRequest>,
    ) -> Result<Response<BeginActionResponse>, Status> {
        let BeginActionRequest { action, subject } = request.into_inner();
        let mut state = self.state();
        let (at, operator_uuid) = (Some(timestamp(DateTime::UNIX_EPOCH)), state.operator.to_string());
        state.log.push(Action { at, operator_uuid, action, subject, result: "begun".to_owned() });
        let id = i64::try_from(state.log.len()).unwrap();
        Ok(Response::new(BeginActionResponse { id }))
    }

    async fn end_action(&self, request: Request<EndActionRequest>) -> Result<Response<EndActionResponse>, Status> {
        let EndActionRequest { id, result } = request.into_inner();
        let mut state = self.state();
        let begun = usize::try_from(id - 1).ok().and_then(|place| state.log.get(place).cloned());
        let begun = begun.ok_or_else(|| Status::not_found("no such action"))?;
        state.log.push(Action { result, ..begun });
        Ok(Response::new(EndActionResponse {}))
    }
}
