//! Refunds: `Refund` of a cancelled order, and `RefundPartially`.

use contracts::{
    ids::OrderId,
    proto::payment::v1::{
        RefundPartiallyRequest, RefundPartiallyResponse, RefundReason as RefundReasonMessage, RefundRequest,
        RefundResponse,
    },
};
use platform::{
    auth::role_used_on,
    grpc::{author, parse_uuid, uuid},
    invalid::InvalidFields,
};
use tonic::{Request, Response, Status};

use super::payments::positive;
use crate::{
    model::{PartialRefund, Reference, RefundReason},
    service::PaymentService,
};

pub async fn refund(
    service: &PaymentService,
    request: Request<RefundRequest>,
) -> Result<Response<RefundResponse>, Status> {
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    service.refund(order).await?;

    Ok(Response::new(RefundResponse {}))
}

pub async fn refund_partially(
    service: &PaymentService,
    request: Request<RefundPartiallyRequest>,
) -> Result<Response<RefundPartiallyResponse>, Status> {
    let decided_by = author(&request, "")?;
    let RefundPartiallyRequest { order_uuid, reference, amount_minor, reason } = request.into_inner();
    let mut invalid = InvalidFields::default();
    let order = invalid.check("order_uuid", uuid(&order_uuid)).map(OrderId::new);
    let reference = invalid.check("reference", Reference::new(reference));
    let amount = invalid.check("amount_minor", positive(amount_minor));
    let reason = invalid.check("reason", self::reason(reason));
    let (Some(order), Some(reference), Some(amount), Some(reason)) = (order, reference, amount, reason) else {
        return Err(invalid.into());
    };

    role_used_on(order.uuid());

    let refund = PartialRefund { order, reference, amount, reason, decided_by };
    let refunded = service.refund_partially(&refund).await?;

    Ok(Response::new(RefundPartiallyResponse {
        is_made: refunded.is_made,
        partially_refunded_minor: refunded.payment.partially_refunded.minor(),
        left_minor: refunded.payment.left().minor(),
    }))
}

fn reason(reason: i32) -> Result<RefundReason, &'static str> {
    match RefundReasonMessage::try_from(reason) {
        Ok(RefundReasonMessage::Return) => Ok(RefundReason::Return),
        Ok(RefundReasonMessage::Goodwill) => Ok(RefundReason::Goodwill),
        Ok(RefundReasonMessage::Unspecified) | Err(_) => Err("must be REFUND_REASON_RETURN or REFUND_REASON_GOODWILL"),
    }
}
