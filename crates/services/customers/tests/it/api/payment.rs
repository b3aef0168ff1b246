//! A stand-in for the payment service that records credits, and loses its responses at a test's request.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use contracts::{
    money,
    proto::payment::v1::{
        CreditRequest, CreditResponse,
        payment_service_server::{PaymentService, PaymentServiceServer},
    },
};
use platform::{
    auth::{Access, Rule},
    grpc::{Services, with_reason},
};
use testkit::Running;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

pub struct Payment {
    pub address: SocketAddr,
    books: Books,
    _server: Running,
}

#[derive(Clone, Default)]
struct Books {
    /// The user and the amount of each credit, by reference.
    credits: Arc<Mutex<HashMap<String, (String, i64)>>>,
    /// Credits are recorded, but their responses are lost.
    silent: Arc<AtomicBool>,
}

const RULES: &[Rule] = &[Rule::services("/payment.v1.PaymentService/Credit", &["customers"])];

impl Payment {
    pub async fn start() -> Self {
        let guard = testkit::guard("payment", RULES).otherwise(Access::Public);
        let books = Books::default();
        let services = Services::new(contracts::proto::DESCRIPTORS).with(PaymentServiceServer::new(books.clone()));
        let (address, server) = testkit::serve(guard, services).await;
        Self { address, books, _server: server }
    }

    /// Makes the stand-in lose or send its responses.
    pub fn set_silent(&self, silent: bool) {
        self.books.silent.store(silent, Ordering::Relaxed);
    }

    /// The sum of the user's credits, in minor units.
    pub fn credited(&self, user: Uuid) -> i64 {
        let credits = self.books.credits.lock().unwrap();
        credits.values().filter(|(credited, _)| *credited == user.to_string()).map(|(_, amount)| amount).sum()
    }
}

#[tonic::async_trait]
impl PaymentService for Books {
    async fn credit(&self, request: Request<CreditRequest>) -> Result<Response<CreditResponse>, Status> {
        let CreditRequest { user_uuid, reference, amount_minor } = request.into_inner();
        // The initial balance and the largest amount exceed the largest balance.
        if amount_minor == money::MAX {
            return Err(with_reason(Code::FailedPrecondition, "BALANCE_TOO_LARGE", "amount_minor: too large"));
        }
        let credit = (user_uuid, amount_minor);
        let standing = self.credits.lock().unwrap().entry(reference).or_insert_with(|| credit.clone()).clone();
        if standing != credit {
            return Err(Status::already_exists("amount_minor: another one was credited"));
        }
        if self.silent.load(Ordering::Relaxed) {
            return Err(Status::unavailable("the response is lost"));
        }
        Ok(Response::new(CreditResponse {}))
    }
}
