//! `shipyard token`: logs in at a running shop, and prints an access token.

use anyhow::Context as _;
use contracts::proto::auth::v1::IssueTokenRequest;
use platform::grpc::time;

use super::login::{self, explain};
use crate::data::Data;

pub async fn run(arguments: login::Arguments, data: Data) -> anyhow::Result<()> {
    let (shop, session_uuid) = arguments.open(&data).await?;
    let issued = shop.auth().issue_token(IssueTokenRequest { session_uuid }).await;
    let issued = issued.map_err(|status| explain(&status))?.into_inner();
    let expires_at = issued.expires_at.as_ref().and_then(time).context("the token has no expiry")?;

    // The token alone is on standard output, for `curl -H "Authorization: Bearer $(shipyard token ann)"`.
    outln!("{}", issued.access_token);
    eprintln!("it expires at {}", expires_at.format("%Y-%m-%d %H:%M:%S UTC"));
    Ok(())
}
