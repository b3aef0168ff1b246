//! Uses sessions after their logout to prove that they are invalid, which databases alone cannot show.

use anyhow::{Context as _, bail, ensure};
use audit::facts::Probe;
use contracts::proto::{
    auth::v1::{LogoutAllRequest, LogoutRequest, WhoamiRequest},
    inventory::v1::ListPartsRequest,
};
use reqwest::Method;
use tonic::Code;

use client::{
    customer::Customer,
    shop::{Shop, success, within},
};

const ORDERS: &str = "/api/v1/orders";

/// Registers a user whose login begins with `audit-`, logs in twice, logs out with Logout and with LogoutAll, and uses
/// both sessions afterwards. Then the account is deleted, even if a step has failed.
pub async fn probe(shop: &Shop) -> anyhow::Result<Vec<Probe>> {
    let customer = Customer::fresh("audit");
    customer.register(shop).await?;
    let probed = use_ended_sessions(shop, &customer).await;
    let deleted = customer.delete_account(shop).await.with_context(|| format!("deleting the user {}", customer.login));
    let probed = probed?;
    deleted.map(|()| probed)
}

async fn use_ended_sessions(shop: &Shop, customer: &Customer) -> anyhow::Result<Vec<Probe>> {
    let (first, _) = customer.log_in(shop).await?;
    let (second, _) = customer.log_in(shop).await?;
    for session in [&first, &second] {
        for Probe { place, answered, refused } in uses(shop, session, "").await? {
            ensure!(!refused, "{place} responded {answered} to an open session, so it proves nothing about ended ones");
        }
    }
    success("Logout", shop.auth().logout(LogoutRequest { session_uuid: first.clone() }).await)?;
    let mut probes = uses(shop, &first, " after Logout").await?;
    success("LogoutAll", shop.auth().logout_all(LogoutAllRequest { session_uuid: second.clone() }).await)?;
    probes.extend(uses(shop, &second, " after LogoutAll").await?);
    Ok(probes)
}

/// Uses the session in several services.
async fn uses(shop: &Shop, session: &str, when: &str) -> anyhow::Result<Vec<Probe>> {
    let whoami =
        shop.auth().whoami(WhoamiRequest { session_uuid: session.to_owned(), ..WhoamiRequest::default() }).await;
    let parts = shop.inventory().list_parts(within(session, ListPartsRequest::default())?).await;
    let orders = shop.ask(Method::GET, ORDERS, Some(session), None).await?;
    let refused = match orders.status.as_u16() {
        200 => false,
        401 => true,
        _ => bail!("{} responded {} {}", orders.asked, orders.status, orders.text),
    };
    Ok(vec![
        rpc(format!("Whoami{when}"), whoami.err().map(|status| status.code()))?,
        rpc(format!("ListParts{when}"), parts.err().map(|status| status.code()))?,
        Probe { place: format!("{}{when}", orders.asked), answered: orders.status.to_string(), refused },
    ])
}

fn rpc(place: String, answered: Option<Code>) -> anyhow::Result<Probe> {
    let answered = answered.unwrap_or(Code::Ok);
    let refused = match answered {
        Code::Ok => false,
        Code::Unauthenticated => true,
        code => bail!("{place} responded {code:?}"),
    };
    Ok(Probe { place, answered: format!("{answered:?}"), refused })
}
