//! `ListLoans`: the loans of a user, newest first, page by page.

use contracts::{
    ids::UserId,
    proto::customers::v1::{ListLoansRequest, ListLoansResponse, Loan},
};
use platform::grpc::{caller, invalid, parse_uuid, timestamp};
use tonic::{Request, Response, Status};

use crate::{
    model::{self, LoanId},
    service::CustomerService,
};

const MAX_PAGE_SIZE: u32 = 1_000;

pub async fn handle(
    service: &CustomerService,
    request: Request<ListLoansRequest>,
) -> Result<Response<ListLoansResponse>, Status> {
    let caller = caller(&request)?;
    let ListLoansRequest { customer_id, page_size, page_token } = request.into_inner();
    let id = UserId::new(parse_uuid("customer_id", &customer_id)?);
    let size = if page_size == 0 { MAX_PAGE_SIZE } else { page_size.min(MAX_PAGE_SIZE) };
    let wrong = || invalid("page_token", "must be the next_page_token of a page");
    let after = (!page_token.is_empty()).then(|| LoanId::new(page_token).ok_or_else(wrong)).transpose()?;

    let (loans, next) = service.list_loans(&caller, id, after.as_ref(), size).await?;

    let loans = loans.into_iter().map(encode).collect();
    Ok(Response::new(ListLoansResponse { loans, next_page_token: next.unwrap_or_default() }))
}

fn encode(loan: model::Loan) -> Loan {
    Loan {
        loan_id: loan.id.to_string(),
        amount_minor: loan.amount.minor(),
        status: loan.status.as_str().to_owned(),
        received_at: Some(timestamp(loan.received_at)),
        reason: loan.reason.unwrap_or_default(),
    }
}
