//! Adds stock to a running system. The caller identifies itself as a service.

use anyhow::Context as _;
use contracts::proto::inventory::v1::{
    ListPartsRequest, Part, PartQuantity, PartsFilter, RestockPartsRequest,
    inventory_service_client::InventoryServiceClient,
};
use platform::{
    auth::{Author, ServiceKey},
    config::Settings,
    grpc::{Peer, is_transient},
    retry::Budget,
    tls::Tls,
};
use secrecy::SecretString;
use tonic::{Code, Status};
use uuid::Uuid;

/// The variable with inventory's address for services, if it differs from the one for users.
const ADDRESS: &str = "RESTOCK_ADDRESS";

/// Returns the address for [`restock`]; `of_users` is the address for users. They differ if a gateway terminates TLS,
/// since it has no service's certificate.
pub fn address(settings: &Settings, of_users: &str) -> String {
    settings.get(ADDRESS).unwrap_or(of_users).to_owned()
}

/// Adds this quantity of one part, or of every part, by calling the inventory service at `address`. Returns the parts
/// with their new stock. The certificate identifies the caller, or without TLS the services' key.
///
/// Under the same `key` a part is added once, so that a retry adds only the missing parts. A retry with another
/// quantity fails. Once stock may have been added, an error says how to retry the call.
pub async fn restock(
    address: &str,
    service_key: Option<&SecretString>,
    tls: Option<&Tls>,
    part: Option<Uuid>,
    quantity: i64,
    key: Uuid,
) -> anyhow::Result<Vec<Part>> {
    let inventory = Peer::over(tls, "inventory", ADDRESS, address)?;
    let inventory = match tls {
        Some(_) => inventory,
        None => inventory.identified(ServiceKey::new("shipyard", service_key.context("SERVICE_KEY: is not set")?)?),
    };
    let mut inventory = InventoryServiceClient::new(inventory);
    let uuids: Vec<String> = part.iter().map(Uuid::to_string).collect();
    let request = ListPartsRequest {
        filter: Some(PartsFilter { uuids, ..PartsFilter::default() }),
        ..ListPartsRequest::default()
    };
    let listed =
        inventory.list_parts(request.clone()).await.with_context(|| format!("asking inventory at {address}"))?;
    let parts: Vec<PartQuantity> =
        listed.into_inner().parts.into_iter().map(|part| PartQuantity { part_uuid: part.uuid, quantity }).collect();
    anyhow::ensure!(!parts.is_empty(), "part not found");
    let retry_hint = || {
        let part = part.map(|part| format!(" --part {part}")).unwrap_or_default();
        format!(
            "the restock may be incomplete; `shipyard restock{part} --quantity {quantity} --key {key}` completes it, and \
            adds nothing twice"
        )
    };
    let reused =
        || format!("the key {key} was used with another quantity; without --key, the quantity is added to that one");
    let budget = Budget::new("inventory");
    for PartQuantity { part_uuid, quantity } in parts {
        let restock_uuid = Uuid::new_v5(&key, part_uuid.as_bytes()).to_string();
        let restock = RestockPartsRequest {
            restock_uuid,
            parts: vec![PartQuantity { part_uuid, quantity }],
            decided_by: Author::command_line().as_str().to_owned(),
        };
        let restocked = budget.retry(is_retried, || {
            let (mut inventory, restock) = (inventory.clone(), restock.clone());
            async move { inventory.restock_parts(restock).await }
        });
        restocked.await.map_err(|status| {
            let hint = if status.code() == Code::AlreadyExists { reused() } else { retry_hint() };
            anyhow::Error::new(status).context(hint)
        })?;
    }
    let listed = inventory.list_parts(request).await.context("listing parts").with_context(retry_hint)?;
    Ok(listed.into_inner().parts)
}

/// Returns true if a restock is retried after this error. A timeout is included, since inventory adds each restock
/// once.
fn is_retried(status: &Status) -> bool {
    is_transient(status) || status.code() == Code::DeadlineExceeded
}
