//! Tests of reservations that are due to expire, with a stand-in for the order service.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use contracts::proto::order::v1::{
    ListExistingOrdersRequest, ListExistingOrdersResponse,
    order_service_server::{OrderService, OrderServiceServer},
};
use platform::{auth::Access, grpc::Services, ids};
use testkit::Running;
use tonic::{Request, Response, Status};

use crate::api::{Inventory, inventory};

/// A stand-in for the order service.
#[derive(Clone, Default)]
struct Orders {
    existing: Arc<Mutex<HashSet<String>>>,
    unpaid: Arc<Mutex<HashSet<String>>>,
    /// True while every look-up fails.
    is_away: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

#[tonic::async_trait]
impl OrderService for Orders {
    async fn list_existing_orders(
        &self,
        request: Request<ListExistingOrdersRequest>,
    ) -> Result<Response<ListExistingOrdersResponse>, Status> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            return Err(Status::internal("no look-up"));
        }
        let existing = self.existing.lock().expect("no test panics");
        let unpaid = self.unpaid.lock().expect("no test panics");
        let asked = request.into_inner().order_uuids;
        let order_uuids: Vec<String> = asked.into_iter().filter(|order| existing.contains(order)).collect();
        let unpaid_order_uuids = order_uuids.iter().filter(|order| unpaid.contains(*order)).cloned().collect();
        Ok(Response::new(ListExistingOrdersResponse { order_uuids, unpaid_order_uuids }))
    }
}

async fn serve(orders: Orders) -> (SocketAddr, Running) {
    let services = Services::new(contracts::proto::DESCRIPTORS).with(OrderServiceServer::new(orders));
    testkit::serve(testkit::guard("order", &[]).otherwise(Access::Services(&["inventory"])), services).await
}

/// Starts inventory with this stand-in; reservations are due after 10 ms.
async fn inventory_with(orders: &Orders) -> (Inventory, Running) {
    let (address, running) = serve(orders.clone()).await;
    let settings = vec![("ORDER_ADDRESS", address.to_string()), ("INVENTORY_RESERVATION_TTL", "10ms".to_owned())];
    let inventory = inventory(settings).await;
    (inventory, running)
}

async fn status(inventory: &Inventory, order: &str) -> String {
    let status = sqlx::query_scalar("select status from reservations where order_uuid = $1::uuid");
    status.bind(order).fetch_one(&inventory.database.pool).await.unwrap()
}

async fn has_status(inventory: &Inventory, order: &str, expected: &str) {
    testkit::eventually(async || (status(inventory, order).await == expected).then_some(())).await;
}

#[tokio::test]
async fn the_reservation_of_an_unpaid_order_stays_held_until_it_is_paid() {
    let orders = Orders::default();
    let (inventory, _order) = inventory_with(&orders).await;
    let order = ids::random().to_string();
    orders.existing.lock().unwrap().insert(order.clone());
    orders.unpaid.lock().unwrap().insert(order.clone());

    inventory.reserve(&order, 1).await.unwrap();
    testkit::eventually(async || (orders.asked.load(Ordering::SeqCst) > 2).then_some(())).await;
    assert_eq!(status(&inventory, &order).await, "held");
    orders.unpaid.lock().unwrap().clear();

    has_status(&inventory, &order, "confirmed").await;
}

#[tokio::test]
async fn what_is_due_is_kept_if_its_order_exists_and_while_order_does_not_answer() {
    let orders = Orders::default();
    orders.is_away.store(true, Ordering::SeqCst);
    let (inventory, _order) = inventory_with(&orders).await;
    let [created, abandoned] = [(); 2].map(|()| ids::random().to_string());
    for order in [&created, &abandoned] {
        inventory.reserve(order, 1).await.unwrap();
    }
    orders.existing.lock().unwrap().insert(created.clone());

    testkit::eventually(async || (orders.asked.load(Ordering::SeqCst) > 1).then_some(())).await;
    for order in [&created, &abandoned] {
        assert_eq!(status(&inventory, order).await, "held");
    }
    orders.is_away.store(false, Ordering::SeqCst);

    has_status(&inventory, &abandoned, "expired").await;
    assert_eq!(status(&inventory, &created).await, "confirmed");
}
