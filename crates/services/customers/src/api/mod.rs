//! The gRPC API, one file per RPC.

mod create_customer;
mod decide_kyc;
mod encode;
mod erase_customer;
mod get_customer;
mod list_loans;
mod rollback_kyc;
mod update_customer;

use contracts::{
    ids::UserId,
    proto::{
        DESCRIPTORS,
        customers::v1::{
            CreateCustomerRequest, CreateCustomerResponse, DecideKycRequest, DecideKycResponse, EraseCustomerRequest,
            EraseCustomerResponse, GetCustomerRequest, GetCustomerResponse, ListLoansRequest, ListLoansResponse,
            RollbackKycRequest, RollbackKycResponse, UpdateCustomerRequest, UpdateCustomerResponse,
            customer_service_server::{CustomerService as Rpc, CustomerServiceServer},
        },
    },
};
use platform::{
    auth::{Caller, Rule},
    grpc::{Services, caller},
};
use tonic::{Request, Response, Status};

use crate::service::CustomerService;

/// Users see and change their own data. Operators, the tool `shipyard` and the service order see all data; operators
/// and the tool may reject a customer, and operators decide checks.
pub const RULES: &[Rule] = &[
    Rule::session("/customers.v1.CustomerService/GetCustomer", &["order", "shipyard"]),
    Rule::session("/customers.v1.CustomerService/CreateCustomer", &[]),
    Rule::session("/customers.v1.CustomerService/UpdateCustomer", &[]),
    Rule::operator("/customers.v1.CustomerService/RollbackKyc", &["shipyard"]),
    Rule::operator("/customers.v1.CustomerService/DecideKyc", &[]),
    Rule::session("/customers.v1.CustomerService/EraseCustomer", &[]),
    Rule::session("/customers.v1.CustomerService/ListLoans", &["order", "shipyard"]),
];

pub struct Grpc {
    service: CustomerService,
}

pub fn services(service: CustomerService) -> Services {
    Services::new(DESCRIPTORS).with(CustomerServiceServer::new(Grpc { service }))
}

/// Returns the user whose session the request carries; the rules admit no other caller.
fn user<T>(request: &Request<T>) -> Result<UserId, Status> {
    match caller(request)? {
        Caller::User(user) => Ok(UserId::new(user.uuid)),
        Caller::Service(_) => Err(Status::permission_denied("only users may call this method")),
    }
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        get_customer::handle(&self.service, request).await
    }

    async fn create_customer(
        &self,
        request: Request<CreateCustomerRequest>,
    ) -> Result<Response<CreateCustomerResponse>, Status> {
        create_customer::handle(&self.service, request).await
    }

    async fn update_customer(
        &self,
        request: Request<UpdateCustomerRequest>,
    ) -> Result<Response<UpdateCustomerResponse>, Status> {
        update_customer::handle(&self.service, request).await
    }

    async fn rollback_kyc(
        &self,
        request: Request<RollbackKycRequest>,
    ) -> Result<Response<RollbackKycResponse>, Status> {
        rollback_kyc::handle(&self.service, request).await
    }

    async fn decide_kyc(&self, request: Request<DecideKycRequest>) -> Result<Response<DecideKycResponse>, Status> {
        decide_kyc::handle(&self.service, request).await
    }

    async fn erase_customer(
        &self,
        request: Request<EraseCustomerRequest>,
    ) -> Result<Response<EraseCustomerResponse>, Status> {
        erase_customer::handle(&self.service, request).await
    }

    async fn list_loans(&self, request: Request<ListLoansRequest>) -> Result<Response<ListLoansResponse>, Status> {
        list_loans::handle(&self.service, request).await
    }
}
