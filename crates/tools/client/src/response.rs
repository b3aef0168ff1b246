//! An HTTP response of the shop, checked against the contract.

use anyhow::{Context as _, ensure};
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;
use uuid::Uuid;

pub struct HttpResponse {
    /// The method and path of the request, for error messages.
    pub asked: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl HttpResponse {
    /// Returns the body of a successful response with this status; fails for any other response.
    pub fn success(&self, status: u16) -> anyhow::Result<Value> {
        ensure!(self.status == status, "{} answered {} {}, not {status}", self.asked, self.status, self.text);
        forbid_error(&self.text)?;
        let trace = self.header("x-trace-id")?;
        ensure!(trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit()), "X-Trace-Id is {trace}");
        if self.text.is_empty() {
            return Ok(Value::Null);
        }
        let kind = self.header("content-type")?;
        ensure!(kind.starts_with("application/json"), "{} answered Content-Type {kind}", self.asked);
        serde_json::from_str(&self.text).with_context(|| format!("{} answered {}", self.asked, self.text))
    }

    /// Checks that the response is a problem with this status and code.
    pub fn problem(&self, status: u16, code: &str) -> anyhow::Result<()> {
        ensure!(self.status == status, "{} answered {} {}, not {status} {code}", self.asked, self.status, self.text);
        let kind = self.header("content-type")?;
        ensure!(kind == "application/problem+json", "{} answered Content-Type {kind}", self.asked);
        let body: Value = serde_json::from_str(&self.text).with_context(|| format!("not JSON: {}", self.text))?;
        ensure!(body["code"] == code, "{} answered the code {}, not {code}", self.asked, body["code"]);
        ensure!(body["status"] == status, "{} answered the member status {}", self.asked, body["status"]);
        for member in ["type", "title", "detail", "message"] {
            ensure!(body[member].is_string(), "{}: the problem lacks {member}: {}", self.asked, self.text);
        }
        Ok(())
    }

    pub fn header(&self, name: &str) -> anyhow::Result<&str> {
        let value = self.headers.get(name).with_context(|| format!("{} answered without {name}", self.asked))?;
        Ok(value.to_str()?)
    }
}

/// Checks that the body of a success does not contain the word `error`.
pub fn forbid_error(text: &str) -> anyhow::Result<()> {
    ensure!(!text.to_lowercase().contains("error"), "the word `error` is in the success body {text}");
    Ok(())
}

/// Returns the UUID in a member of an object.
pub fn uuid(body: &Value, member: &str) -> anyhow::Result<Uuid> {
    let text = body[member].as_str().with_context(|| format!("{member} is not a string in {body}"))?;
    Uuid::try_parse(text).with_context(|| format!("{member} is not a uuid in {body}"))
}

/// Returns the amount in a member of an object, in minor units. The JSON number must have at most two decimals.
pub fn minor(body: &Value, member: &str) -> anyhow::Result<i64> {
    let number = body[member].as_number().with_context(|| format!("{member} is not a number in {body}"))?;
    let text = number.to_string();
    let decimals = text.split_once('.').map_or("", |(_, decimals)| decimals);
    ensure!(decimals.len() <= 2, "{member} has more than two decimals in {body}");
    let major = number.as_f64().context("a number")?;
    Ok(contracts::money::Money::from_major(major)?.minor())
}

/// Counts the members with this name, including those of nested objects.
pub fn occurrences(body: &Value, member: &str) -> usize {
    match body {
        Value::Object(members) => {
            members.iter().map(|(name, value)| usize::from(name == member) + occurrences(value, member)).sum()
        }
        Value::Array(items) => items.iter().map(|item| occurrences(item, member)).sum(),
        _ => 0,
    }
}
