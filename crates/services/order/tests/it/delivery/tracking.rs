//! Tests of the gRPC client of the delivery service: its responses, and how order behaves if it is unavailable, refuses
//! or hangs.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use contracts::{
    events::OrderOf,
    ids::OrderId,
    proto::delivery::v1::{
        Carrier, GetDeliveryStatusRequest, GetDeliveryStatusResponse, Location,
        delivery_service_server::{DeliveryService as Rpc, DeliveryServiceServer},
    },
};
use order::{
    client::{GrpcDelivery, Tracking as _},
    error::Error,
    model::{DeliveryStatus, Tracked},
    repository::Deliveries as _,
    service::DeliveryService,
};
use platform::{auth::Access, grpc::Services};
use testkit::Running;
use tokio::time::Instant;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{carried, order, reported};
use crate::ids;
use crate::shop::{Shop, hung};

/// A delivery service that returns this response for every order.
struct Stub(Result<GetDeliveryStatusResponse, Status>);

#[tonic::async_trait]
impl Rpc for Stub {
    async fn get_delivery_status(
        &self,
        request: Request<GetDeliveryStatusRequest>,
    ) -> Result<Response<GetDeliveryStatusResponse>, Status> {
        platform::grpc::parse_uuid("order_id", &request.get_ref().order_id)?;
        self.0.clone().map(Response::new)
    }
}

/// Starts a stand-in for the delivery service that admits only services. Returns its address.
async fn delivery(response: Result<GetDeliveryStatusResponse, Status>) -> (SocketAddr, Running) {
    let services = Services::new(contracts::proto::DESCRIPTORS).with(DeliveryServiceServer::new(Stub(response)));
    testkit::serve(testkit::guard("delivery", &[]).otherwise(Access::Services(&["order"])), services).await
}

fn client(address: SocketAddr) -> GrpcDelivery {
    GrpcDelivery::new(testkit::peer_of("order", "delivery", address))
}

fn service(shop: &Shop, address: SocketAddr) -> DeliveryService {
    DeliveryService::new(Arc::new(shop.orders.clone()), Arc::new(client(address)))
}

fn response() -> GetDeliveryStatusResponse {
    GetDeliveryStatusResponse {
        order_id: Uuid::from_u128(1).to_string(),
        delivery_id: Uuid::from_u128(7).to_string(),
        status: "IN_TRANSIT".to_owned(),
        tracking_number: "A1B2C3D4E5F6".to_owned(),
        estimated_delivery: "2026-11-24".to_owned(),
        current_location: "(4, 2)".to_owned(),
        progress: 43,
        courier: Some(Carrier {
            id: Uuid::from_u128(8).to_string(),
            name: "Вело".to_owned(),
            speed: 2,
            location: Some(Location { x: 4, y: 2 }),
            steps_left: 3,
        }),
    }
}

async fn store(shop: &Shop, order: OrderId) {
    let subject = OrderOf { order, user: shop.user };
    let reported = reported(DeliveryStatus::Pending);
    shop.orders.store_delivery(ids::cause(), subject, &reported).await.expect("the delivery is stored");
}

#[tokio::test]
async fn delivery_is_called_as_order_and_its_response_is_read() {
    let (address, _delivery) = delivery(Ok(response())).await;

    let tracked = client(address).track(ids::order()).await.unwrap();

    assert_eq!(tracked, Some(carried()));
}

#[tokio::test]
async fn an_invalid_response_is_inconsistent() {
    let wrong = [
        GetDeliveryStatusResponse { delivery_id: "seven".to_owned(), ..response() },
        GetDeliveryStatusResponse { status: "LOST".to_owned(), ..response() },
        GetDeliveryStatusResponse { estimated_delivery: "soon".to_owned(), ..response() },
        GetDeliveryStatusResponse {
            courier: Some(Carrier { location: None, ..response().courier.unwrap() }),
            ..response()
        },
    ];
    for response in wrong {
        let (address, _delivery) = delivery(Ok(response.clone())).await;

        let tracked = client(address).track(ids::order()).await;

        assert!(matches!(tracked, Err(Error::Inconsistent(_))), "{response:?}: {tracked:?}");
    }
}

#[tokio::test]
async fn each_refusal_of_delivery_means_what_it_says() {
    let shop = Shop::open();
    let (without_copy, with_copy) = (order(&shop).await, order(&shop).await);
    store(&shop, with_copy).await;
    let copy = Tracked { delivery: reported(DeliveryStatus::Pending), position: None };

    let (address, _delivery) = delivery(Err(Status::not_found("no delivery"))).await;
    let service_not_found = service(&shop, address);
    let not_found = service_not_found.track(shop.user, without_copy).await;
    assert!(matches!(not_found, Err(Error::DeliveryNotFound(_))), "{not_found:?}");
    assert_eq!(service_not_found.track(shop.user, with_copy).await.unwrap(), copy);
    // A delivery service with a wrong clock refuses order's tokens. That is temporary, so it counts as unavailable too.
    for refusal in [Status::unavailable("restarting"), Status::unauthenticated("token"), Status::internal("a defect")] {
        let (address, _delivery) = delivery(Err(refusal.clone())).await;
        let refusing = service(&shop, address);
        let away = refusing.track(shop.user, without_copy).await;
        assert!(matches!(away, Err(Error::Unavailable("delivery", _))), "{refusal:?}: {away:?}");
        assert_eq!(refusing.track(shop.user, with_copy).await.unwrap(), copy);
    }
}

#[tokio::test]
async fn a_delivery_that_hangs_is_waited_for_far_less_than_a_request_may_take() {
    let shop = Shop::open();
    let order = order(&shop).await;
    store(&shop, order).await;
    let service = service(&shop, hung().await);

    let begun = Instant::now();
    let tracked = service.track(shop.user, order).await.unwrap();

    assert_eq!(tracked.position, None);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}
