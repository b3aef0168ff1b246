//! The gRPC API.

use contracts::proto::delivery::v1::{
    AddCourierRequest, AddStoragePlaceRequest, CreateDeliveryRequest, GetDeliveryStatusRequest, ListCouriersRequest,
};
use platform::ids;
use testkit::with_session;
use tonic::Code;
use uuid::Uuid;

use super::Fixture;

fn delivery(order: Uuid, user: Uuid) -> CreateDeliveryRequest {
    let (order_id, user_id) = (order.to_string(), user.to_string());
    CreateDeliveryRequest { order_id, user_id, delivery_address: "Main Street".to_owned(), volume: 0 }
}

#[tokio::test]
async fn a_delivery_is_made_once_by_a_service_and_shown_to_its_user() {
    let fixture = Fixture::with("1h", false).await;
    let (order, user) = (ids::ordered(), ids::random());
    let (own, other) = (fixture.iam.session(user), fixture.iam.session(ids::random()));

    let made = fixture.client(Some("order")).create_delivery(delivery(order, user)).await.unwrap().into_inner();
    let again = fixture.client(Some("order")).create_delivery(delivery(order, ids::random())).await.unwrap();
    let by_user = fixture.client(None).create_delivery(with_session(&own, delivery(ids::ordered(), user))).await;

    assert_eq!(again.into_inner().delivery_id, made.delivery_id);
    assert_eq!(by_user.unwrap_err().code(), Code::Unauthenticated);
    let status = GetDeliveryStatusRequest { order_id: order.to_string() };
    let seen = fixture.client(None).get_delivery_status(with_session(&own, status.clone())).await.unwrap();
    assert_eq!(seen.into_inner().tracking_number, made.tracking_number);
    let hidden = fixture.client(None).get_delivery_status(with_session(&other, status)).await.unwrap_err();
    let unknown = GetDeliveryStatusRequest { order_id: ids::random().to_string() };
    let unknown = fixture.client(None).get_delivery_status(with_session(&other, unknown)).await.unwrap_err();
    assert_eq!((hidden.code(), hidden.message()), (Code::NotFound, unknown.message()));
}

#[tokio::test]
async fn only_operators_add_couriers() {
    let fixture = Fixture::with("1h", false).await;
    let (user, operator) = (fixture.iam.session(ids::random()), fixture.iam.operator_session(ids::random()));
    let mut client = fixture.client(None);
    let courier = AddCourierRequest { name: "Вело".to_owned(), speed: 2 };

    let refused = client.add_courier(with_session(&user, courier.clone())).await.unwrap_err();
    let added = client.add_courier(with_session(&operator, courier)).await.unwrap().into_inner();
    let place = AddStoragePlaceRequest { courier_id: added.courier_id.clone(), name: "a".to_owned(), total_volume: 30 };
    client.add_storage_place(with_session(&operator, place)).await.unwrap();
    let listed = client.list_couriers(with_session(&operator, ListCouriersRequest {})).await.unwrap().into_inner();
    let by_service = fixture.client(Some("order")).list_couriers(ListCouriersRequest {}).await;

    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(listed.couriers.last().unwrap().id, added.courier_id);
    assert!(by_service.is_ok());
}

#[tokio::test]
async fn bad_input_names_the_field() {
    let fixture = Fixture::with("1h", false).await;
    let mut client = fixture.client(Some("order"));
    let good = delivery(ids::ordered(), ids::random());
    for (request, field) in [
        (CreateDeliveryRequest { order_id: "one".to_owned(), ..good.clone() }, "order_id"),
        (CreateDeliveryRequest { user_id: String::new(), ..good.clone() }, "user_id"),
        (CreateDeliveryRequest { delivery_address: " ".to_owned(), ..good.clone() }, "delivery_address"),
        (CreateDeliveryRequest { delivery_address: "nowhere".to_owned(), ..good.clone() }, "delivery_address"),
        (CreateDeliveryRequest { volume: -1, ..good.clone() }, "volume"),
        (CreateDeliveryRequest { volume: 10_001, ..good }, "volume"),
    ] {
        let status = client.create_delivery(request).await.unwrap_err();

        assert_eq!(status.code(), Code::InvalidArgument, "{field}");
        assert!(status.message().starts_with(&format!("{field}: ")), "{}", status.message());
        assert!(!status.message().contains("nowhere"), "{}", status.message());
    }
    let speed = client.add_courier(AddCourierRequest { name: "a".to_owned(), speed: 0 }).await.unwrap_err();
    assert!(speed.message().starts_with("speed: "), "{}", speed.message());
}
