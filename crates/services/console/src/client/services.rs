//! The clients of the services with a gRPC API, except iam: what they hold about users and orders, the catalogue, and
//! the couriers. A call carries the session or access token of the user who sends the request, unless it says
//! otherwise.

use contracts::{
    ids::OrderId,
    proto::{
        customers::v1::{
            Customer, GetCustomerRequest, ListLoansRequest, Loan, RollbackKycRequest,
            customer_service_client::CustomerServiceClient,
        },
        delivery::v1::{
            AddCourierRequest, Courier, GetDeliveryStatusRequest, GetDeliveryStatusResponse, ListCouriersRequest,
            delivery_service_client::DeliveryServiceClient,
        },
        geo::{GetGeolocationRequest, geo_client::GeoClient},
        inventory::v1::{
            ListPartsRequest, ListPartsResponse, PartQuantity, RestockPartsRequest,
            inventory_service_client::InventoryServiceClient,
        },
        notification::v1::{
            ListNotificationsRequest, Notification, notification_service_client::NotificationServiceClient,
        },
        payment::v1::{
            GetBalanceRequest, GetPaymentRequest, ListPaymentsRequest, ListPaymentsResponse, Payment,
            payment_service_client::PaymentServiceClient,
        },
    },
};
use platform::{config::ConfigError, grpc::Peer, server::Server};
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::{config::Own, error::Error};

#[derive(Clone)]
pub struct Services {
    inventory: InventoryServiceClient<Peer>,
    payment: PaymentServiceClient<Peer>,
    customers: CustomerServiceClient<Peer>,
    notification: NotificationServiceClient<Peer>,
    delivery: DeliveryServiceClient<Peer>,
    /// Carries this service's identity, since users may not list couriers.
    couriers: DeliveryServiceClient<Peer>,
    /// Carries no credential.
    geo: GeoClient<Peer>,
}

impl Services {
    /// Opens the channels, which connect with the first call.
    pub fn connect(server: &Server, own: &Own) -> Result<Self, ConfigError> {
        let as_user =
            |name, variable, address: &str| server.channel(name, variable, address).map(Peer::forwarding_credential);
        let delivery = server.channel("delivery", "DELIVERY_ADDRESS", &own.delivery_address)?;
        let notification = as_user("notification", "NOTIFICATION_ADDRESS", &own.notification_address)?;
        Ok(Self {
            inventory: InventoryServiceClient::new(as_user("inventory", "INVENTORY_ADDRESS", &own.inventory_address)?),
            payment: PaymentServiceClient::new(as_user("payment", "PAYMENT_ADDRESS", &own.payment_address)?),
            customers: CustomerServiceClient::new(as_user("customers", "CUSTOMERS_ADDRESS", &own.customers_address)?),
            notification: NotificationServiceClient::new(notification),
            couriers: DeliveryServiceClient::new(server.identify(delivery.clone())),
            delivery: DeliveryServiceClient::new(delivery.forwarding_credential()),
            geo: GeoClient::new(server.outside("geo", "GEO_ADDRESS", &own.geo_address)?),
        })
    }

    pub async fn parts(&self, request: ListPartsRequest) -> Result<ListPartsResponse, Status> {
        Ok(self.inventory.clone().list_parts(request).await?.into_inner())
    }

    /// Adds stock on behalf of the session's user, who must be an operator. Retries with the same `restock_uuid`
    /// add it once.
    pub async fn restock(&self, restock_uuid: String, part_uuid: String, quantity: i64) -> Result<(), Status> {
        let parts = vec![PartQuantity { part_uuid, quantity }];
        let request = RestockPartsRequest { restock_uuid, parts, decided_by: String::new() };
        self.inventory.clone().restock_parts(request).await?;
        Ok(())
    }

    /// Returns the attempt to pay an order that was not declined, otherwise the latest; `None` if there was none.
    pub async fn payment(&self, order: OrderId) -> Result<Option<Payment>, Status> {
        let request = GetPaymentRequest { order_uuid: order.to_string() };
        Ok(found(self.payment.clone().get_payment(request).await)?.and_then(|response| response.payment))
    }

    /// Returns a page of the user's statement; the first one for an empty token. A size of 0 is payment's default.
    pub async fn payments(
        &self,
        user: Uuid,
        page_token: String,
        page_size: u32,
    ) -> Result<ListPaymentsResponse, Status> {
        let request = ListPaymentsRequest { user_uuid: user.to_string(), page_size, page_token };
        Ok(self.payment.clone().list_payments(request).await?.into_inner())
    }

    /// Returns the balance of the session's user in minor units.
    pub async fn balance(&self, user: Uuid) -> Result<i64, Status> {
        let request = GetBalanceRequest { user_uuid: user.to_string() };
        Ok(self.payment.clone().get_balance(request).await?.into_inner().balance_minor)
    }

    /// Returns the customer data of `user`, the session's user, or `None` if this user is not a customer.
    pub async fn customer(&self, user: Uuid) -> Result<Option<Customer>, Status> {
        let request = GetCustomerRequest { customer_id: user.to_string() };
        Ok(found(self.customers.clone().get_customer(request).await)?.and_then(|response| response.customer))
    }

    /// Rejects a verified customer on behalf of the session's user, who must be an operator. Returns the customer's
    /// status.
    pub async fn roll_back_kyc(&self, customer_id: String, reason: String) -> Result<String, Status> {
        let request = RollbackKycRequest { customer_id, reason };
        let customer = self.customers.clone().rollback_kyc(request).await?.into_inner().customer;
        Ok(customer.unwrap_or_default().kyc_status)
    }

    /// Returns the loans of the session's user, the newest first, at most a thousand.
    pub async fn loans(&self, user: Uuid) -> Result<Vec<Loan>, Status> {
        let request = ListLoansRequest { customer_id: user.to_string(), ..ListLoansRequest::default() };
        Ok(self.customers.clone().list_loans(request).await?.into_inner().loans)
    }

    /// Returns the messages about an order, the oldest first; none if it is another user's.
    pub async fn messages(&self, order: OrderId) -> Result<Vec<Notification>, Status> {
        let request = ListNotificationsRequest { order_uuid: order.to_string() };
        Ok(self.notification.clone().list_notifications(request).await?.into_inner().notifications)
    }

    /// Returns the delivery of an order that the session's user may see, or `None` if the order has no delivery.
    pub async fn delivery(&self, order: OrderId) -> Result<Option<GetDeliveryStatusResponse>, Status> {
        let request = GetDeliveryStatusRequest { order_id: order.to_string() };
        found(self.delivery.clone().get_delivery_status(request).await)
    }

    /// Returns all couriers, in the order of adding. The call carries this service's identity.
    pub async fn couriers(&self) -> Result<Vec<Courier>, Error> {
        let response = self.couriers.clone().list_couriers(ListCouriersRequest {}).await;
        Ok(response.map_err(|status| Error::Unavailable("delivery", status.into()))?.into_inner().couriers)
    }

    /// Adds a courier on behalf of the session's user, who must be an operator. Returns its id.
    pub async fn add_courier(&self, name: String, speed: i32) -> Result<String, Status> {
        let request = AddCourierRequest { name, speed };
        Ok(self.delivery.clone().add_courier(request).await?.into_inner().courier_id)
    }

    /// Returns the cell of an address. The call carries no credential.
    pub async fn cell(&self, street: String) -> Result<(i32, i32), Status> {
        let response = self.geo.clone().get_geolocation(GetGeolocationRequest { street }).await?;
        let location = response.into_inner().location.unwrap_or_default();
        Ok((location.x, location.y))
    }
}

/// Returns `None` for what does not exist.
fn found<T>(response: Result<Response<T>, Status>) -> Result<Option<T>, Status> {
    match response {
        Ok(response) => Ok(Some(response.into_inner())),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status),
    }
}
