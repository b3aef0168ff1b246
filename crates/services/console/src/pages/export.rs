//! Timeline and receipt of an order as one file that needs nothing else. Its script verifies the signed receipt by the
//! public keys in the file.

use std::sync::LazyLock;

use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use contracts::ids::OrderId;
use platform::{clock, http::problem::Problem};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    assets::STYLE,
    format::Moment,
    order::timeline_view,
    receipt::Receipt,
    summary::{Summary, summary},
    timeline::Timeline,
};
use crate::{
    api::{Api, Visit},
    model::{Check, Step},
};

const SCRIPT: &str = include_str!("../../assets/verify.js");
/// The digest of the script, which alone the file's Content-Security-Policy admits.
static SCRIPT_DIGEST: LazyLock<String> = LazyLock::new(|| BASE64.encode(Sha256::digest(SCRIPT)));

#[derive(Template)]
#[template(path = "export.html")]
struct Export {
    /// The content of `style.css`.
    style: &'static str,
    /// The content of `verify.js`.
    script: &'static str,
    script_digest: &'static str,
    /// The public keys of receipts, a JSON Web Key Set.
    keys: Value,
    summary: Summary,
    timeline: Timeline,
    receipt: Receipt,
    exported_at: Moment,
}

/// Returns the file of an order that the visitor may see, without the signed receipt of these checks.
pub async fn export(
    api: &Api,
    visit: &Visit,
    order: OrderId,
    steps: Vec<Step>,
    checks: Vec<Check>,
    is_own: bool,
) -> Result<String, Problem> {
    let summary = summary(api, visit, order, &steps, is_own).await?;
    let view = Export {
        style: STYLE,
        script: SCRIPT,
        script_digest: &SCRIPT_DIGEST,
        keys: api.receipts.key_set(),
        timeline: timeline_view(api, steps, Vec::new(), &summary),
        summary,
        receipt: Receipt::new(order, Ok(checks)),
        exported_at: Moment(clock::now()),
    };
    view.render().map_err(|error| {
        tracing::error!(%error, "a file could not be rendered");
        Problem::unavailable("the file cannot be made now")
    })
}
