//! `ListLoans`: the loans of a user, oldest first.

use contracts::{
    ids::UserId,
    proto::customers::v1::{ListLoansRequest, ListLoansResponse, Loan},
};
use platform::grpc::{caller, parse_uuid, timestamp};
use tonic::{Request, Response, Status};

use crate::{model, service::CustomerService};

pub async fn handle(
    service: &CustomerService,
    request: Request<ListLoansRequest>,
) -> Result<Response<ListLoansResponse>, Status> {
    let caller = caller(&request)?;
    let id = UserId::new(parse_uuid("customer_id", &request.get_ref().customer_id)?);

    let loans = service.list_loans(&caller, id).await?;

    Ok(Response::new(ListLoansResponse { loans: loans.iter().map(encode).collect() }))
}

fn encode(loan: &model::Loan) -> Loan {
    Loan {
        loan_id: loan.id.to_string(),
        amount_minor: loan.amount.minor(),
        status: loan.status.as_str().to_owned(),
        received_at: Some(timestamp(loan.received_at)),
    }
}
