//! `shipyard receipt verify`: checks a signed receipt by the shop's public keys, and on request compares it with the
//! shop's present receipt.
//!
//! The exit code is 0 if the receipt is valid, 1 if it was changed or another key signed it, 2 if it was not checked,
//! and 3 if it is valid, but differs from the shop's present receipt.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail, ensure};
use client::trust::Trust;
use console::{
    client::credential_header,
    model::{
        Check,
        receipt_page::{PageDigests, missing_lines, split},
        signed_receipt::{Invalid, MEDIA_TYPE, Verified, page_of, read_key_set, verify},
    },
};
use platform::{cli::one_line, config, es256::PublicKey, http::read_body};
use reqwest::{
    StatusCode,
    header::{ACCEPT, HeaderName},
};

use crate::data::Data;

const NOT_CHECKED: u8 = 2;
const OTHERWISE: u8 = 3;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// The maximum size of a response in bytes.
const MAX_RESPONSE: usize = 16 << 20;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Check that a receipt is as the shop signed it (exit code 1: it was changed, or another key signed it; 2: not
    /// checked; 3: valid, but differs from the shop's present receipt)
    Verify(Arguments),
}

#[derive(clap::Args)]
pub struct Arguments {
    /// The saved page of an order, or its receipt as a compact JWS
    file: PathBuf,
    /// File with the shop's public keys, from /console/.well-known/receipt-keys.json (default: those of --against)
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Address of a shop, such as http://127.0.0.1:8084; print what differs in its present receipt
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// File with a session or token of the order's owner or an operator, as `shipyard login` prints it
    #[arg(long, value_name = "FILE", requires = "against")]
    session_file: Option<PathBuf>,
}

pub enum Outcome {
    Valid,
    /// The receipt was changed, or another key signed it.
    Invalid,
    /// The receipt is valid, but differs from the shop's present one.
    Otherwise,
}

/// Returns the exit code of a check, and prints why a receipt was not checked.
pub fn exit_code(checked: anyhow::Result<Outcome>) -> ExitCode {
    match checked {
        Ok(Outcome::Valid) => ExitCode::SUCCESS,
        Ok(Outcome::Invalid) => ExitCode::FAILURE,
        Ok(Outcome::Otherwise) => ExitCode::from(OTHERWISE),
        Err(error) => {
            eprintln!("not checked: {}", one_line(&error));
            ExitCode::from(NOT_CHECKED)
        }
    }
}

/// Checks a receipt, and prints the result.
pub async fn run(command: Command, data: Data) -> anyhow::Result<Outcome> {
    let Command::Verify(Arguments { file, jwks, against, session_file }) = command;
    // A byte that is no text is a change, too.
    let text = String::from_utf8_lossy(&read(&file)?).into_owned();
    let (page, jws) = split(&text).map_or((None, text.trim()), |(page, jws)| (Some(page), jws));
    let is_page_changed = page.as_ref().is_some_and(|page| page_of(jws) != Some(PageDigests::of(page)));
    let given = jwks.map(|path| key_set(&read(&path)?, &path.display().to_string())).transpose()?;
    let shop = against.map(|url| ConsoleApi::new(&url, session_file.as_deref(), &data)).transpose()?;
    let published = match &shop {
        Some(shop) => Some(shop.keys().await?),
        None => None,
    };
    let Some(keys) = given.as_ref().or(published.as_ref()) else {
        if is_page_changed {
            outln!("changed: the page is not the one that its receipt names");
            return Ok(Outcome::Invalid);
        }
        bail!("the shop's public keys are needed, as a file (--jwks) or from the shop (--against)");
    };
    let signed = match verify(keys, jws) {
        Ok(signed) => signed,
        Err(Invalid::Unreadable) => bail!("{} is no signed receipt", file.display()),
        Err(Invalid::Changed) => {
            outln!("changed: the signature is not of this receipt");
            return Ok(Outcome::Invalid);
        }
        Err(Invalid::OtherKey(kid)) => {
            outln!("another key: {kid} signed the receipt, and is none of the shop's");
            return Ok(Outcome::Invalid);
        }
    };
    if let Some(page) = page.filter(|_| is_page_changed) {
        outln!("changed: the page is not as it was signed; the signed receipt is intact");
        for line in missing_lines(&page, &signed.receipt.checks) {
            outln!("  the page lacks: {line}");
        }
        return Ok(Outcome::Invalid);
    }
    let (receipt, issued_at) = (&signed.receipt, signed.receipt.issued_at.to_rfc3339());
    outln!(
        "valid: order {}, issued at {issued_at} by Shipyard {}, key {}",
        receipt.order_uuid,
        receipt.version,
        signed.kid
    );
    match shop.zip(published) {
        Some((shop, published)) => shop.compare(&published, &signed).await,
        None => Ok(Outcome::Valid),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| path.display().to_string())
}

fn key_set(json: &[u8], from: &str) -> anyhow::Result<Vec<PublicKey>> {
    read_key_set(json).with_context(|| format!("{from} is no JSON Web Key Set"))
}

/// The console of a running shop.
struct ConsoleApi {
    http: reqwest::Client,
    url: String,
    credential: Option<(HeaderName, String)>,
}

impl ConsoleApi {
    fn new(url: &str, session_file: Option<&Path>, data: &Data) -> anyhow::Result<Self> {
        let trust = Trust::from_settings(&data.running(config::load()?))?;
        let url = trust.url(url)?.to_string();
        let url = url.trim_end_matches('/');
        let text = session_file.map(|path| fs::read_to_string(path).with_context(|| path.display().to_string()));
        Ok(Self {
            http: trust.http().timeout(REQUEST_TIMEOUT).build().context("making an HTTP client")?,
            url: url.strip_suffix("/console").unwrap_or(url).to_owned(),
            credential: text.transpose()?.map(|text| credential_header(text.trim())),
        })
    }

    async fn get(&self, path: &str, media_type: &str) -> anyhow::Result<Vec<u8>> {
        let url = format!("{}{path}", self.url);
        let request = self.http.get(&url).header(ACCEPT, media_type);
        let request = match &self.credential {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        let response = request.send().await.with_context(|| format!("{url} does not answer"))?;
        let status = response.status();
        let reason = match status {
            StatusCode::UNAUTHORIZED => ": --session-file needs a session of the order's owner or an operator",
            StatusCode::NOT_FOUND => ": the session's user has no such order",
            _ => "",
        };
        ensure!(status.is_success(), "{url} answered {status}{reason}");
        Ok(read_body(response, MAX_RESPONSE).await?)
    }

    async fn keys(&self) -> anyhow::Result<Vec<PublicKey>> {
        key_set(&self.get("/console/.well-known/receipt-keys.json", "application/json").await?, &self.url)
    }

    /// Compares a receipt with the one that the shop signs now, and prints the differences.
    async fn compare(&self, keys: &[PublicKey], signed: &Verified) -> anyhow::Result<Outcome> {
        let order = signed.receipt.order_uuid;
        let now = self.get(&format!("/console/api/orders/{order}/receipt"), MEDIA_TYPE).await?;
        let now = verify(keys, String::from_utf8_lossy(&now).trim())
            .map_err(|invalid| anyhow!("the receipt that the shop signs now is not valid: {invalid:?}"))?;
        ensure!(now.receipt.order_uuid == order, "the shop answered with the receipt of another order");
        if now.receipt.checks == signed.receipt.checks {
            outln!("the shop says the same now");
            return Ok(Outcome::Valid);
        }
        let is_next = now.receipt.previous.as_ref() == Some(&signed.digest);
        let follows = if is_next { "follows this one" } else { "does not follow this one directly" };
        outln!("the shop says otherwise now: its receipt of {} {follows}", now.receipt.issued_at.to_rfc3339());
        let (before, after) = (lines(&signed.receipt.checks), lines(&now.receipt.checks));
        for line in before.iter().filter(|line| !after.contains(line)) {
            outln!("- {line}");
        }
        for line in after.iter().filter(|line| !before.contains(line)) {
            outln!("+ {line}");
        }
        Ok(Outcome::Otherwise)
    }
}

/// Returns each line of the checks with the name of its invariant.
fn lines(checks: &[Check]) -> Vec<String> {
    let lines = checks.iter().flat_map(|Check { invariant, text, state, evidence }| {
        let state = format!("{invariant}: {}: {text}", state.word());
        [state].into_iter().chain(evidence.iter().map(move |line| format!("{invariant}: {line}")))
    });
    lines.collect()
}
