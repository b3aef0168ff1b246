//! `ListPayments`: returns the statement of a user, page by page.

use contracts::ids::UserId;
use contracts::proto::payment::v1::{ListPaymentsRequest, ListPaymentsResponse};
use platform::{
    cursor::Cursor,
    grpc::{caller, uuid},
    invalid::InvalidFields,
};
use tonic::{Request, Response, Status};

use super::get_payment::encode;
use crate::service::PaymentService;

const DEFAULT_PAGE_SIZE: u32 = 20;
const MAX_PAGE_SIZE: u32 = 100;

pub async fn handle(
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
