//! A stand-in for the payment service that records credits, and loses its responses when a test demands it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use contracts::proto::payment::v1::{
    CreditRequest, CreditResponse, GetBalanceRequest, GetBalanceResponse, GetPaymentRequest, GetPaymentResponse,
    ListPaymentsRequest, ListPaymentsResponse, PayOrderRequest, PayOrderResponse, RefundPartiallyRequest,
    RefundPartiallyResponse, RefundRequest, RefundResponse, VoidAttemptRequest, VoidAttemptResponse,
    payment_service_server::{PaymentService, PaymentServiceServer},
};
use platform::{
    auth::{Access, Guard, MemorySessions, Rule, ServiceKey},
    grpc::Services,
    server::readiness::Readiness,
};
use testkit::Running;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};
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
    /// True while credits are recorded but their responses are lost.
    silent: Arc<AtomicBool>,
}

const RULES: &[Rule] = &[Rule::services("/payment.v1.PaymentService/Credit", &["customers"])];

impl Payment {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let key = ServiceKey::new("payment", &testkit::SERVICE_KEY.into()).expect("the key of tests is long enough");
        let guard = Guard::new(Arc::new(MemorySessions::default()), key, RULES).otherwise(Access::Public);
        let books = Books::default();
        let services = Services::new(contracts::proto::DESCRIPTORS).with(PaymentServiceServer::new(books.clone()));
        let server = testkit::run(|stop| services.serve(listener, guard, Readiness::default(), stop));
        Self { address, books, _server: server }
    }

    /// Makes it credit without a response, or respond again.
    pub fn set_silent(&self, silent: bool) {
        self.books.silent.store(silent, Ordering::Relaxed);
    }

    /// Returns the sum of the user's credits, in minor units.
    pub fn credited(&self, user: Uuid) -> i64 {
        let credits = self.books.credits.lock().unwrap();
        credits.values().filter(|(credited, _)| *credited == user.to_string()).map(|(_, amount)| amount).sum()
    }
}

fn unasked<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("customers does not ask this"))
}

#[tonic::async_trait]
impl PaymentService for Books {
    async fn credit(&self, request: Request<CreditRequest>) -> Result<Response<CreditResponse>, Status> {
        let CreditRequest { user_uuid, reference, amount_minor } = request.into_inner();
        let credit = (user_uuid, amount_minor);
        let standing = self.credits.lock().unwrap().entry(reference).or_insert_with(|| credit.clone()).clone();
        if standing != credit {
            return Err(Status::already_exists("amount_minor: another one was credited"));
        }
        if self.silent.load(Ordering::Relaxed) {
            return Err(Status::unavailable("the answer is lost"));
        }
        Ok(Response::new(CreditResponse {}))
    }

    async fn pay_order(&self, _: Request<PayOrderRequest>) -> Result<Response<PayOrderResponse>, Status> {
        unasked()
    }

    async fn void_attempt(&self, _: Request<VoidAttemptRequest>) -> Result<Response<VoidAttemptResponse>, Status> {
        unasked()
    }

    async fn get_payment(&self, _: Request<GetPaymentRequest>) -> Result<Response<GetPaymentResponse>, Status> {
        unasked()
    }

    async fn refund(&self, _: Request<RefundRequest>) -> Result<Response<RefundResponse>, Status> {
        unasked()
    }

    async fn refund_partially(
        &self,
        _: Request<RefundPartiallyRequest>,
    ) -> Result<Response<RefundPartiallyResponse>, Status> {
        unasked()
    }

    async fn get_balance(&self, _: Request<GetBalanceRequest>) -> Result<Response<GetBalanceResponse>, Status> {
        unasked()
    }

    async fn list_payments(&self, _: Request<ListPaymentsRequest>) -> Result<Response<ListPaymentsResponse>, Status> {
        unasked()
    }
}
