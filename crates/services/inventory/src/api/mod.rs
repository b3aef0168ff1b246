//! The gRPC API, whose methods are the RPCs, and who may call it.

pub mod messages;
mod reserve;

use std::num::NonZeroU32;

use contracts::{
    ids::{OrderId, PartId},
    proto::{
        DESCRIPTORS,
        inventory::v1::{
            CommitPartsRequest, CommitPartsResponse, GetPartRequest, GetPartResponse, ListPartsRequest,
            ListPartsResponse, ReleasePartsRequest, ReleasePartsResponse, ReservePartsForAllRequest,
            ReservePartsForAllResponse, ReservePartsRequest, ReservePartsResponse, ReservePartsResult,
            RestockPartsRequest, RestockPartsResponse,
            inventory_service_server::{InventoryService as Rpc, InventoryServiceServer},
        },
    },
};
use messages::{decode_filter, decode_lines, decode_token, encode};
use platform::{
    auth::{Rule, role_used_on},
    grpc::{self, Services, author, parse_uuid},
};
use reserve::{encode_result, reserve, unavailable, without_result};
use tonic::{Request, Response, Status};

use crate::{model::Page, service::InventoryService};

/// Any user may read parts. Only order may reserve, release and commit them; operators and the tool `shipyard` may
/// restock.
pub const RULES: &[Rule] = &[
    Rule::session("/inventory.v1.InventoryService/GetPart", &["order", "shipyard"]),
    Rule::session("/inventory.v1.InventoryService/ListParts", &["order", "shipyard"]),
    Rule::services("/inventory.v1.InventoryService/ReserveParts", &["order"]),
    Rule::services("/inventory.v1.InventoryService/ReservePartsForAll", &["order"]),
    Rule::services("/inventory.v1.InventoryService/ReleaseParts", &["order"]),
    Rule::services("/inventory.v1.InventoryService/CommitParts", &["order"]),
    Rule::operator("/inventory.v1.InventoryService/RestockParts", &["shipyard"]),
];

/// The maximum number of parts on a page of `ListParts`.
const MAX_PAGE_SIZE: u32 = 1_000;
/// The maximum number of orders in a request of `ReservePartsForAll`.
const MAX_ORDERS: usize = 64;

pub struct Grpc {
    service: InventoryService,
}

pub fn services(service: InventoryService) -> Services {
    Services::new(DESCRIPTORS).with(InventoryServiceServer::new(Grpc { service }))
}

#[tonic::async_trait]
impl Rpc for Grpc {
    /// Returns one part.
    async fn get_part(&self, request: Request<GetPartRequest>) -> Result<Response<GetPartResponse>, Status> {
        let part = PartId::new(parse_uuid("uuid", &request.get_ref().uuid)?);

        let part = self.service.part(part).await?;

        Ok(Response::new(GetPartResponse { part: Some(encode(part)) }))
    }

    /// Returns the parts that match a filter, all at once or by page.
    async fn list_parts(&self, request: Request<ListPartsRequest>) -> Result<Response<ListPartsResponse>, Status> {
        let ListPartsRequest { filter, page_size, page_token } = request.into_inner();
        let filter = decode_filter(filter.unwrap_or_default())?;
        let after = decode_token(&page_token)?;
        let size = NonZeroU32::new(page_size.min(MAX_PAGE_SIZE));

        let (parts, next) = self.service.parts(&filter, Page { after, size }).await?;

        let next_page_token = next.map(|position| position.to_string()).unwrap_or_default();
        Ok(Response::new(ListPartsResponse { parts: parts.into_iter().map(encode).collect(), next_page_token }))
    }

    /// Reserves parts for an order, as a batch of one.
    async fn reserve_parts(
        &self,
        request: Request<ReservePartsRequest>,
    ) -> Result<Response<ReservePartsResponse>, Status> {
        let reserved = reserve(&self.service, std::slice::from_ref(request.get_ref())).await.pop();
        reserved.unwrap_or_else(|| Err(without_result())).map(Response::new)
    }

    /// Reserves parts for several orders, each by itself.
    async fn reserve_parts_for_all(
        &self,
        request: Request<ReservePartsForAllRequest>,
    ) -> Result<Response<ReservePartsForAllResponse>, Status> {
        let requests = request.into_inner().requests;
        if requests.len() > MAX_ORDERS {
            return Err(grpc::invalid("requests", format!("must have at most {MAX_ORDERS} entries")));
        }

        let results: Vec<ReservePartsResult> =
            reserve(&self.service, &requests).await.into_iter().map(encode_result).collect();

        // The caller's circuit breaker counts the requests of a call that failed.
        if let Some(away) = results.first().and_then(unavailable)
            && results.iter().all(|result| unavailable(result).is_some())
        {
            return Err(Status::unavailable(&away.message));
        }
        Ok(Response::new(ReservePartsForAllResponse { results }))
    }

    /// Releases an order's reservation.
    async fn release_parts(
        &self,
        request: Request<ReleasePartsRequest>,
    ) -> Result<Response<ReleasePartsResponse>, Status> {
        let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

        self.service.release(order).await?;

        Ok(Response::new(ReleasePartsResponse {}))
    }

    /// Records that an order's reserved parts are consumed.
    async fn commit_parts(
        &self,
        request: Request<CommitPartsRequest>,
    ) -> Result<Response<CommitPartsResponse>, Status> {
        let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

        self.service.commit(order).await?;

        Ok(Response::new(CommitPartsResponse {}))
    }

    /// Adds units to the stock of parts.
    async fn restock_parts(
        &self,
        request: Request<RestockPartsRequest>,
    ) -> Result<Response<RestockPartsResponse>, Status> {
        let restock = parse_uuid("restock_uuid", &request.get_ref().restock_uuid)?;
        let lines = decode_lines(&request.get_ref().parts)?;
        let by = author(&request, &request.get_ref().decided_by)?;
        // Usually a restock has one part. No restock is in an operator's own matter: an order has its parts from the
        // start.
        role_used_on(lines.only().map_or(restock, PartId::uuid));

        self.service.restock(restock, &lines, &by).await?;

        Ok(Response::new(RestockPartsResponse {}))
    }
}
