//! The gRPC API, whose methods are the RPCs, and the webhook.

mod messages;
pub mod webhook;

use contracts::{
    ids::{OrderId, TransactionId, UserId},
    proto::{
        DESCRIPTORS,
        payment::v1::{
            CreditRequest, CreditResponse, GetBalanceRequest, GetBalanceResponse, GetPaymentRequest,
            GetPaymentResponse, ListPaymentsRequest, ListPaymentsResponse, PayOrderRequest, PayOrderResponse,
            RefundPartiallyRequest, RefundPartiallyResponse, RefundRequest, RefundResponse, VoidAttemptRequest,
            VoidAttemptResponse,
            payment_service_server::{PaymentService as Rpc, PaymentServiceServer},
        },
    },
};
use messages::{amount, attempt, decode_token, encode, method, positive, reason};
use platform::{
    auth::{Caller, Rule, role_used_on},
    grpc::{Services, author, caller, invalid, parse_uuid, uuid},
    ids,
    invalid::InvalidFields,
};
use tonic::{Request, Response, Status};

use crate::{
    error::Error,
    model::{Credit, PartialRefund, Reference, VoidResult, direct_payment},
    service::{Charge, PaymentService},
};

/// Users see and make their own payments. Only order charges, voids and refunds shop orders; only customers credits
/// balances. Operators refund parts of charges.
pub const RULES: &[Rule] = &[
    Rule::session("/payment.v1.PaymentService/PayOrder", &["order"]),
    Rule::session("/payment.v1.PaymentService/GetPayment", &["order"]),
    Rule::session("/payment.v1.PaymentService/GetBalance", &["order"]),
    Rule::session("/payment.v1.PaymentService/ListPayments", &["order"]),
    Rule::services("/payment.v1.PaymentService/VoidAttempt", &["order"]),
    Rule::services("/payment.v1.PaymentService/Refund", &["order"]),
    Rule::operator("/payment.v1.PaymentService/RefundPartially", &[]),
    Rule::services("/payment.v1.PaymentService/Credit", &["customers"]),
];

const DEFAULT_PAGE_SIZE: u32 = 20;
const MAX_PAGE_SIZE: u32 = 100;
/// The name of the only service that may charge orders.
const ORDER: &str = "order";

pub struct Grpc {
    service: PaymentService,
}

pub fn services(service: PaymentService) -> Services {
    Services::new(DESCRIPTORS).with(PaymentServiceServer::new(Grpc { service }))
}

#[tonic::async_trait]
impl Rpc for Grpc {
    /// The order service charges an order, or a user makes a direct payment. A direct payment never settles a shop
    /// order.
    async fn pay_order(&self, request: Request<PayOrderRequest>) -> Result<Response<PayOrderResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let order = OrderId::new(parse_uuid("order_uuid", &request.order_uuid)?);
        let user = UserId::new(parse_uuid("user_uuid", &request.user_uuid)?);
        let method = method(request.payment_method)?;

        let transaction = match caller {
            Caller::Service(name) if name != ORDER => return Err(Error::NotOrderService.into()),
            Caller::Service(_) => {
                let (amount, attempt) = (amount(request.amount_minor)?, attempt(request.attempt)?);
                let transaction = TransactionId::new(ids::random());
                self.service.pay(&Charge { order, attempt, user, method, amount }, transaction).await?
            }
            Caller::User(_) => {
                if !caller.admits(user.uuid()) {
                    return Err(Error::AnotherUser.into());
                }
                reject_from_user("amount_minor", request.amount_minor != 0)?;
                reject_from_user("attempt", request.attempt != 0)?;
                direct_payment(order, user)
            }
        };

        Ok(Response::new(PayOrderResponse { transaction_uuid: transaction.to_string() }))
    }

    /// Voids an attempt to charge an order, so that this attempt never charges it.
    async fn void_attempt(
        &self,
        request: Request<VoidAttemptRequest>,
    ) -> Result<Response<VoidAttemptResponse>, Status> {
        let request = request.into_inner();
        let order = OrderId::new(parse_uuid("order_uuid", &request.order_uuid)?);
        let user = UserId::new(parse_uuid("user_uuid", &request.user_uuid)?);
        let transaction = TransactionId::new(ids::random());
        let method = method(request.payment_method)?;
        let (amount, attempt) = (amount(request.amount_minor)?, attempt(request.attempt)?);

        let result = self.service.void(&Charge { order, attempt, user, method, amount }, transaction).await?;

        match result {
            VoidResult::Voided => Ok(Response::new(VoidAttemptResponse { transaction_uuid: String::new() })),
            VoidResult::AlreadyCharged(transaction) => {
                Ok(Response::new(VoidAttemptResponse { transaction_uuid: transaction.to_string() }))
            }
            VoidResult::InProgress => Err(Error::InProgress.into()),
        }
    }

    /// Returns the payment of an order.
    async fn get_payment(&self, request: Request<GetPaymentRequest>) -> Result<Response<GetPaymentResponse>, Status> {
        let caller = caller(&request)?;
        let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

        let payment = self.service.find(&caller, order).await?;

        Ok(Response::new(GetPaymentResponse { payment: Some(encode(&payment)) }))
    }

    /// Returns the statement of a user, page by page.
    async fn list_payments(
        &self,
        request: Request<ListPaymentsRequest>,
    ) -> Result<Response<ListPaymentsResponse>, Status> {
        let caller = caller(&request)?;
        let ListPaymentsRequest { user_uuid, page_size, page_token } = request.into_inner();
        let mut invalid = InvalidFields::default();
        let user = invalid.check("user_uuid", uuid(&user_uuid)).map(UserId::new);
        let after = invalid.check("page_token", decode_token(&page_token));
        let (Some(user), Some(after)) = (user, after) else { return Err(invalid.into()) };
        let size = if page_size == 0 { DEFAULT_PAGE_SIZE } else { page_size.min(MAX_PAGE_SIZE) };

        let (payments, next) = self.service.statement(&caller, user, after, size).await?;

        Ok(Response::new(ListPaymentsResponse {
            payments: payments.iter().map(encode).collect(),
            next_page_token: next.map(|next| next.to_string()).unwrap_or_default(),
        }))
    }

    /// Refunds a cancelled order.
    async fn refund(&self, request: Request<RefundRequest>) -> Result<Response<RefundResponse>, Status> {
        let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

        self.service.refund(order).await?;

        Ok(Response::new(RefundResponse {}))
    }

    /// An operator gives back a part of a charge.
    async fn refund_partially(
        &self,
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
        let refunded = self.service.refund_partially(&refund).await?;

        Ok(Response::new(RefundPartiallyResponse {
            is_made: refunded.is_made,
            partially_refunded_minor: refunded.payment.partially_refunded.minor(),
            left_minor: refunded.payment.left().minor(),
        }))
    }

    /// Returns a user's balance of INVESTOR_MONEY.
    async fn get_balance(&self, request: Request<GetBalanceRequest>) -> Result<Response<GetBalanceResponse>, Status> {
        let caller = caller(&request)?;
        let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);

        let balance = self.service.balance(&caller, user).await?;

        Ok(Response::new(GetBalanceResponse { balance_minor: balance.minor() }))
    }

    /// Adds to a user's balance, once per reference.
    async fn credit(&self, request: Request<CreditRequest>) -> Result<Response<CreditResponse>, Status> {
        let CreditRequest { user_uuid, reference, amount_minor } = request.into_inner();
        let user = UserId::new(parse_uuid("user_uuid", &user_uuid)?);
        let reference = Reference::new(reference).map_err(|error| invalid("reference", error))?;
        let amount = amount(amount_minor)?;

        self.service.credit(&Credit { reference, user, amount }).await?;

        Ok(Response::new(CreditResponse {}))
    }
}

fn reject_from_user(field: &str, sent: bool) -> Result<(), Status> {
    if sent {
        return Err(Status::permission_denied(format!("{field}: only the order service may charge an order")));
    }
    Ok(())
}
