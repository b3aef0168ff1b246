//! Payments and balances: `PayOrder`, `VoidAttempt`, `GetPayment`, `ListPayments`, `GetBalance` and `Credit`.

use std::num::NonZeroU32;

use contracts::{
    ids::{OrderId, TransactionId, UserId},
    money::Money,
    proto::payment::v1::{
        CreditRequest, CreditResponse, GetBalanceRequest, GetBalanceResponse, GetPaymentRequest, GetPaymentResponse,
        ListPaymentsRequest, ListPaymentsResponse, PayOrderRequest, PayOrderResponse, Payment, PaymentMethod,
        PaymentStatus, VoidAttemptRequest, VoidAttemptResponse,
    },
};
use platform::{
    auth::Caller,
    cursor::Cursor,
    grpc::{caller, invalid, parse_uuid, timestamp, uuid},
    ids,
    invalid::InvalidFields,
};
use tonic::{Request, Response, Status};

use crate::{
    error::Error,
    model::{self, Credit, Method, Reference, VoidResult, direct_payment},
    service::{Charge, PaymentService},
};

/// The name of the only service that may charge orders.
const ORDER: &str = "order";

pub async fn pay_order(
    service: &PaymentService,
    request: Request<PayOrderRequest>,
) -> Result<Response<PayOrderResponse>, Status> {
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
            service.pay(&Charge { order, attempt, user, method, amount }, transaction).await?
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

fn method(value: i32) -> Result<Method, Status> {
    match PaymentMethod::try_from(value) {
        Ok(PaymentMethod::Card) => Ok(Method::Card),
        Ok(PaymentMethod::Sbp) => Ok(Method::Sbp),
        Ok(PaymentMethod::CreditCard) => Ok(Method::CreditCard),
        Ok(PaymentMethod::InvestorMoney) => Ok(Method::InvestorMoney),
        Ok(PaymentMethod::Unspecified) => Err(invalid("payment_method", "is required")),
        Err(_) => Err(invalid("payment_method", "is not known")),
    }
}

fn amount(minor: i64) -> Result<Money, Status> {
    positive(minor).map_err(|problem| invalid("amount_minor", problem))
}

pub fn positive(minor: i64) -> Result<Money, &'static str> {
    let amount = Money::from_minor(minor).ok().filter(|amount| *amount != Money::ZERO);
    amount.ok_or("must be an amount of money above 0")
}

fn attempt(attempt: u32) -> Result<NonZeroU32, Status> {
    NonZeroU32::new(attempt).ok_or_else(|| invalid("attempt", "must be at least 1"))
}

fn reject_from_user(field: &str, sent: bool) -> Result<(), Status> {
    if sent {
        return Err(Status::permission_denied(format!("{field}: only the order service may charge an order")));
    }
    Ok(())
}

pub async fn void_attempt(
    service: &PaymentService,
    request: Request<VoidAttemptRequest>,
) -> Result<Response<VoidAttemptResponse>, Status> {
    let request = request.into_inner();
    let order = OrderId::new(parse_uuid("order_uuid", &request.order_uuid)?);
    let user = UserId::new(parse_uuid("user_uuid", &request.user_uuid)?);
    let transaction = TransactionId::new(ids::random());
    let method = method(request.payment_method)?;
    let (amount, attempt) = (amount(request.amount_minor)?, attempt(request.attempt)?);

    let result = service.void(&Charge { order, attempt, user, method, amount }, transaction).await?;

    match result {
        VoidResult::Voided => Ok(Response::new(VoidAttemptResponse { transaction_uuid: String::new() })),
        VoidResult::AlreadyCharged(transaction) => {
            Ok(Response::new(VoidAttemptResponse { transaction_uuid: transaction.to_string() }))
        }
        VoidResult::InProgress => Err(Error::InProgress.into()),
    }
}

pub async fn get_payment(
    service: &PaymentService,
    request: Request<GetPaymentRequest>,
) -> Result<Response<GetPaymentResponse>, Status> {
    let caller = caller(&request)?;
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    let payment = service.find(&caller, order).await?;

    Ok(Response::new(GetPaymentResponse { payment: Some(encode(&payment)) }))
}

fn encode(payment: &model::Payment) -> Payment {
    let (status, decline_reason) = match payment.status {
        model::Status::Pending { .. } => (PaymentStatus::Pending, ""),
        model::Status::Succeeded { .. } => (PaymentStatus::Succeeded, ""),
        model::Status::Declined(decline) => (PaymentStatus::Declined, decline.as_str()),
        model::Status::Refunding { .. } => (PaymentStatus::Refunding, ""),
        model::Status::Refunded { .. } => (PaymentStatus::Refunded, ""),
    };
    let method = match payment.intent.method {
        Method::Card => PaymentMethod::Card,
        Method::Sbp => PaymentMethod::Sbp,
        Method::CreditCard => PaymentMethod::CreditCard,
        Method::InvestorMoney => PaymentMethod::InvestorMoney,
    };
    Payment {
        transaction_uuid: payment.intent.transaction.to_string(),
        order_uuid: payment.intent.order.to_string(),
        user_uuid: payment.intent.user.to_string(),
        payment_method: method.into(),
        amount_minor: payment.intent.amount.minor(),
        attempt: payment.intent.attempt,
        status: status.into(),
        decline_reason: decline_reason.to_owned(),
        created_at: Some(timestamp(payment.created_at)),
        updated_at: Some(timestamp(payment.updated_at)),
        partially_refunded_minor: payment.partially_refunded.minor(),
    }
}

const DEFAULT_PAGE_SIZE: u32 = 20;
const MAX_PAGE_SIZE: u32 = 100;

pub async fn list_payments(
    service: &PaymentService,
    request: Request<ListPaymentsRequest>,
) -> Result<Response<ListPaymentsResponse>, Status> {
    let caller = caller(&request)?;
    let ListPaymentsRequest { user_uuid, page_size, page_token } = request.into_inner();
    let mut invalid = InvalidFields::default();
    let user = invalid.check("user_uuid", uuid(&user_uuid)).map(UserId::new);
    let after = invalid.check("page_token", decode_token(&page_token));
    let (Some(user), Some(after)) = (user, after) else { return Err(invalid.into()) };
    let size = if page_size == 0 { DEFAULT_PAGE_SIZE } else { page_size.min(MAX_PAGE_SIZE) };

    let (payments, next) = service.statement(&caller, user, after, size).await?;

    Ok(Response::new(ListPaymentsResponse {
        payments: payments.iter().map(encode).collect(),
        next_page_token: next.map(|next| next.to_string()).unwrap_or_default(),
    }))
}

/// Decodes a page token. Returns the payment after which the page begins, or `None` for the first page.
fn decode_token(token: &str) -> Result<Option<Cursor>, &'static str> {
    let after = (!token.is_empty()).then(|| token.parse()).transpose();
    after.map_err(|_| "must be the next_page_token of a page")
}

pub async fn get_balance(
    service: &PaymentService,
    request: Request<GetBalanceRequest>,
) -> Result<Response<GetBalanceResponse>, Status> {
    let caller = caller(&request)?;
    let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);

    let balance = service.balance(&caller, user).await?;

    Ok(Response::new(GetBalanceResponse { balance_minor: balance.minor() }))
}

pub async fn credit(
    service: &PaymentService,
    request: Request<CreditRequest>,
) -> Result<Response<CreditResponse>, Status> {
    let CreditRequest { user_uuid, reference, amount_minor } = request.into_inner();
    let user = UserId::new(parse_uuid("user_uuid", &user_uuid)?);
    let reference = Reference::new(reference).map_err(|error| invalid("reference", error))?;
    let amount = amount(amount_minor)?;

    service.credit(&Credit { reference, user, amount }).await?;

    Ok(Response::new(CreditResponse {}))
}
