//! `Refund`: refunds a cancelled order.

use contracts::ids::OrderId;
use contracts::proto::payment::v1::{RefundRequest, RefundResponse};
use platform::grpc::parse_uuid;
use tonic::{Request, Response, Status};

use crate::service::PaymentService;

pub async fn handle(
    service: &PaymentService,
    request: Request<RefundRequest>,
) -> Result<Response<RefundResponse>, Status> {
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    service.refund(order).await?;

    Ok(Response::new(RefundResponse {}))
}
